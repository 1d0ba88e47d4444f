import { createHash, timingSafeEqual } from 'node:crypto';
import type { Configuration } from '../../config/configuration.ts';
import { isLoopback } from '../../config/loopback.ts';

/** Who may look at the operator's page: anybody who reaches it, whoever has the token, or nobody. */
export type PageAccess = 'open' | 'token' | 'none';

/**
 * The page shows what everybody does. Beyond loopback anybody could reach it, and in a gateway one client must not see the
 * others; so there it takes a token.
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

/** Whether an `Authorization` field holds the token. It takes as long for a token that is nearly right as for any other. */
export function holdsToken(authorization: string | undefined, token: string): boolean {
  const given = /^bearer +(\S+) *$/i.exec(authorization ?? '')?.[1];
  return given !== undefined && timingSafeEqual(digest(given), digest(token));
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
