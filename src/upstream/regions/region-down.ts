import { Problem } from '../../problem.ts';
import { loopDetected } from '../loop.ts';

/**
 * Whether a response shows that a region controller is down. It comes from a web server or load balancer that cannot
 * reach the region controller, from a region controller that is starting, or from an unrelated proxy at that address.
 * MAAS's own 503 (a busy rack, a power problem) is `text/plain`; one with `Retry-After` means to try again later.
 *
 * @param field gives the value of a header field by its name in lower case
 */
export function isRegionDown(status: number, field: (name: string) => string | undefined): boolean {
  if (isGatewayStatus(status)) return true;
  return (
    status === 503 &&
    field('retry-after') === undefined &&
    field('content-type')?.toLowerCase().startsWith('text/plain') !== true
  );
}

/**
 * Whether only a web server or proxy in front of MAAS sends a status: 502 and 504 if the region controller behind it is
 * down, 508 from a proxy in a loop.
 */
export function isGatewayStatus(status: number): boolean {
  return status === 502 || status === 504 || status === 508;
}

/** The problem that takes the place of such a response. */
export function regionDown(status: number): Problem {
  if (status === 508) return loopDetected({ receivedStatus: status });
  return new Problem(
    status === 504 ? 'maas-region-slow' : 'maas-region-down',
    status === 504
      ? "MAAS's web server gave up waiting for the region controller behind it; the request may still be running there."
      : "MAAS's web server responds, but the region controller behind it does not: it is starting, restarting or down.",
    { receivedStatus: status },
  );
}
