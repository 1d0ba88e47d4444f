import { Problem } from '../problem.ts';
import type { Answer } from './ask.ts';
import { maasHasTls } from './redirect.ts';
import type { Upstream } from './upstream.ts';

/** Who and what the proxy found at MAAS's address. */
export interface Identity {
  /** MAAS's version, such as `3.7.3`. */
  readonly version: string;
  /** The user whose key it is, or why MAAS does not say. */
  readonly user: { readonly name: string; readonly administrator: boolean } | { readonly refused: string };
}

/**
 * Asks MAAS for its version and for the user behind the key.
 *
 * @throws {Problem} when nothing answers there, or something that is not a MAAS
 */
export async function identify(upstream: Upstream): Promise<Identity> {
  const version = readVersion(await upstream.ask('/version/'));
  return { version, user: await askUser(upstream) };
}

async function askUser(upstream: Upstream): Promise<Identity['user']> {
  try {
    return readUser(await upstream.ask('/users/?op=whoami'));
  } catch (error) {
    if (error instanceof Problem && error.status === 401) return { refused: error.message };
    throw error;
  }
}

/** Reads the answer to `version/`. */
export function readVersion({ status, headers, body }: Answer): string {
  if (status >= 300 && status < 400 && headers['location']?.startsWith('https:') === true) {
    throw maasHasTls();
  }
  if (status === 502 || status === 504) {
    throw new Problem(
      'maas-refused',
      `MAAS's web server answers ${status}: the region controller behind it is not up yet.`,
    );
  }
  const data = asObject(body);
  if (status !== 200 || typeof data?.['version'] !== 'string') {
    throw new Problem(
      'maas-broken-answer',
      `What answers there is not a MAAS (status ${status}); check port and path of MAAS_URL.`,
    );
  }
  return data['version'];
}

/** Reads the answer to `users/?op=whoami`. */
export function readUser({ status, body }: Answer): Identity['user'] {
  if (status === 200) {
    const data = asObject(body);
    if (typeof data?.['username'] === 'string') {
      return { name: data['username'], administrator: data['is_superuser'] === true };
    }
  }
  if (status === 403) return { refused: 'MAAS knows the API key, but its user may not use the API; is it disabled?' };
  return { refused: `MAAS answered ${status} when asked whose the key is.` };
}

function asObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
