// The differences between the MAAS versions that the simulator knows.
import type { SimulatedResponse } from './response.ts';

export type Version = '3.7.3' | '3.4.10';

/** The value of X-Maas-Api-Hash, and of `hash` in `describe/` (both seen). */
export const apiHash: Record<Version, string> = {
  '3.7.3': '36763f1444f05f8c565d0292aabefcaa9ece4369',
  '3.4.10': '29b8898cd6164c9b0adae16fe79c9932fe40e145',
};

export const openapiVersion: Record<Version, string> = { '3.7.3': '3.1.0', '3.4.10': '3.0.0' };

/** Fields of a machine that came after 3.4. */
export const newMachineFields = new Set(['enable_kernel_crash_dump', 'error_description', 'is_dpu']);

/** `/MAAS/api/2.0` without a slash (both seen): 3.4 adds the slash, 3.7 redirects to its login page. */
export function apiRootRedirect(version: Version): SimulatedResponse {
  const headers: SimulatedResponse['headers'] = [['Content-Type', 'text/html; charset=utf-8']];
  if (version === '3.4.10') {
    return { status: 301, headers: [...headers, ['Location', '/MAAS/api/2.0/']], body: Buffer.alloc(0) };
  }
  headers.push(['Location', '/MAAS/?next=%2FMAAS%2Fapi%2F2.0'], ['Vary', 'Cookie']);
  return { status: 302, headers, body: Buffer.alloc(0) };
}
