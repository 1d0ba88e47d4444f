import { printable } from '../../output/printable.ts';
import { Problem } from '../../problem.ts';
import type { OwnResponse } from './own-request.ts';
import { readOwnError } from './own-error.ts';
import { maasHasTls } from '../redirect.ts';
import { isRegionDown, regionDown } from '../regions/region-down.ts';
import type { Upstream } from '../upstream.ts';

/** What was found at MAAS's address. */
export interface Identity {
  /** MAAS's version, such as `3.7.3`. */
  readonly version: string;
  /** The key's user, or why MAAS does not say. */
  readonly user: { readonly name: string; readonly administrator: boolean } | { readonly refused: string };
}

/**
 * Gets MAAS's version and the user of the key.
 *
 * @throws {Problem} when nothing responds at the address, or something that is not a MAAS
 */
export async function identify(upstream: Upstream): Promise<Identity> {
  const version = readVersion(await upstream.sendOwnRequest('/version/'));
  return { version, user: await requestUser(upstream) };
}

async function requestUser(upstream: Upstream): Promise<Identity['user']> {
  try {
    return readUser(await upstream.sendOwnRequest('/users/?op=whoami'));
  } catch (error) {
    if (error instanceof Problem && error.status === 401) return { refused: error.message };
    throw error;
  }
}

/**
 * Reads the response to `version/`.
 *
 * @throws {Problem} when it is not from a healthy MAAS
 */
export function readVersion(response: OwnResponse): string {
  const { status, headers, body } = response;
  if (status >= 300 && status < 400 && headers['location']?.startsWith('https:') === true) {
    throw maasHasTls();
  }
  if (isRegionDown(status, (name) => headers[name])) throw regionDown(status);
  refuseOwnError(response);
  const data = asObject(body);
  if (status !== 200 || typeof data?.['version'] !== 'string') {
    throw new Problem(
      'maas-broken-answer',
      `The server at MAAS_URL is not a MAAS (status ${status}); check port and path of MAAS_URL.`,
      { receivedStatus: status },
    );
  }
  return printable(data['version']);
}

/**
 * Reads the response to `users/?op=whoami`.
 *
 * @throws {Problem} if it says nothing about the key
 */
export function readUser(response: OwnResponse): Identity['user'] {
  const { status, body } = response;
  refuseOwnError(response);
  if (status === 200) {
    const data = asObject(body);
    if (typeof data?.['username'] === 'string') {
      return { name: printable(data['username']), administrator: data['is_superuser'] === true };
    }
  }
  if (status === 403) return { refused: 'MAAS knows the API key, but its user may not use the API; is it disabled?' };
  throw new Problem(
    'maas-broken-answer',
    `The server at MAAS_URL does not name the user of the key, as a MAAS does (status ${status}); check port and path of MAAS_URL.`,
    { receivedStatus: status },
  );
}

function refuseOwnError(response: OwnResponse): void {
  const error = readOwnError(response);
  if (error === undefined) return;
  throw new Problem('maas-broken-answer', `${error.reason}. ${error.remedy}`, { receivedStatus: response.status });
}

function asObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
