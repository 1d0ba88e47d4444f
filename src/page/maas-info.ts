import { readDescription, type DescribedOperation } from '../maas/description.ts';
import type { Signer } from '../maas/signature.ts';
import { readUser, readVersion } from '../upstream/own-requests/identity.ts';
import type { Upstream } from '../upstream/upstream.ts';

/** What the page needs to know about MAAS. */
export interface MaasInfo {
  /** MAAS's description of its operations; empty if MAAS does not respond. */
  describe(): Promise<readonly DescribedOperation[]>;
  /** MAAS's version; `null` if MAAS does not respond. */
  version(): Promise<string | null>;
  /** The key's user. @param signer a client's own; `undefined` for the shared one */
  user(signer: Signer | undefined): Promise<{ name: string; administrator: boolean } | null>;
}

const minute = 60_000;

/** The delay before a failed request is tried again, ms. */
const retryMs = 5_000;

/** A description of MAAS 3.7 has 0.5 MB. */
const maxDescription = 4 * 1024 * 1024;

/** Requests this from MAAS, and caches the responses: several tabs cause one request. */
export function createMaasInfo({ sendOwnRequest }: Pick<Upstream, 'sendOwnRequest'>): MaasInfo {
  const describe = cached<readonly DescribedOperation[]>(5 * minute, [], async () => {
    const { status, body } = await sendOwnRequest('/describe/', 'nobody', maxDescription);
    if (status !== 200) throw new Error(`status ${status}`);
    return readDescription(JSON.parse(body));
  });
  const version = cached(minute, null, async () => readVersion(await sendOwnRequest('/version/', 'nobody')));
  const cachedUser = (signer: Signer | undefined): (() => Promise<{ name: string; administrator: boolean } | null>) =>
    cached(minute, null, async () => {
      const user = readUser(await sendOwnRequest('/users/?op=whoami', signer));
      return 'refused' in user ? null : user;
    });
  const shared = cachedUser(undefined);
  const users = new WeakMap<Signer, () => Promise<{ name: string; administrator: boolean } | null>>();
  return {
    describe,
    version,
    user(signer) {
      if (signer === undefined) return shared();
      let user = users.get(signer);
      if (user === undefined) {
        user = cachedUser(signer);
        users.set(signer, user);
      }
      return user();
    },
  };
}

function cached<Value>(forMs: number, otherwise: Value, request: () => Promise<Value>): () => Promise<Value> {
  let pending: Promise<Value> | undefined;
  let until = 0;
  return () => {
    if (pending !== undefined && performance.now() < until) return pending;
    until = performance.now() + forMs;
    pending = request().catch(() => {
      until = performance.now() + retryMs;
      return otherwise;
    });
    return pending;
  };
}
