import { createHash, timingSafeEqual } from 'node:crypto';
import type { Configuration } from '../../config/configuration.ts';
import { isLoopback } from '../../config/loopback.ts';

/** Who may open the operator's page: everybody, operators with the token, or nobody. */
export type PageAccess = 'open' | 'token' | 'none';

/**
 * The page shows the requests of all clients. Beyond loopback, and in a gateway, where clients must not see each other,
 * it needs a token.
 */
export function pageAccess({
  page,
  adminHost,
  clientsFile,
  adminTokenFile,
}: Pick<Configuration, 'page' | 'adminHost' | 'clientsFile' | 'adminTokenFile'>): PageAccess {
  if (!page) return 'none';
  if (adminTokenFile !== undefined) return 'token';
  return isLoopback(adminHost) && clientsFile === undefined ? 'open' : 'none';
}

/** Whether an `Authorization` field has the token, compared in constant time. */
export function holdsToken(authorization: string | undefined, token: string): boolean {
  const presented = /^bearer +(\S+) *$/i.exec(authorization ?? '')?.[1];
  return presented !== undefined && timingSafeEqual(digest(presented), digest(token));
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
