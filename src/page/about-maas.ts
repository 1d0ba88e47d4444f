import { readDescription, type DescribedOperation } from '../maas/description.ts';
import type { Signer } from '../maas/signature.ts';
import { readUser, readVersion } from '../upstream/own-requests/identity.ts';
import type { Upstream } from '../upstream/upstream.ts';

/** What the page asks MAAS on its own account. */
export interface AboutMaas {
  /** MAAS's description of its operations; none where MAAS does not respond. */
  describe(): Promise<readonly DescribedOperation[]>;
  /** MAAS's version; `null` where MAAS does not respond. */
  version(): Promise<string | null>;
  /** Whose the key is. @param signer a client's own; the shared one where it is `undefined` */
  user(signer: Signer | undefined): Promise<{ name: string; administrator: boolean } | null>;
}

const minute = 60_000;

/** How long nothing is asked again after MAAS has not responded, ms. */
const afterFailure = 5_000;

/** A description of MAAS 3.7 has 0.5 MB. */
const maxDescription = 4 * 1024 * 1024;

/** Asks MAAS, and remembers its responses for a while: several tabs are one question. */
export function askAboutMaas({ sendOwnRequest }: Pick<Upstream, 'sendOwnRequest'>): AboutMaas {
  const describe = remembered<readonly DescribedOperation[]>(5 * minute, [], async () => {
    const { status, body } = await sendOwnRequest('/describe/', 'nobody', maxDescription);
    if (status !== 200) throw new Error(`status ${status}`);
    return readDescription(JSON.parse(body));
  });
  const version = remembered(minute, null, async () => readVersion(await sendOwnRequest('/version/', 'nobody')));
  const askUser = (signer: Signer | undefined): (() => Promise<{ name: string; administrator: boolean } | null>) =>
    remembered(minute, null, async () => {
      const user = readUser(await sendOwnRequest('/users/?op=whoami', signer));
      return 'refused' in user ? null : user;
    });
  const shared = askUser(undefined);
  const users = new WeakMap<Signer, () => Promise<{ name: string; administrator: boolean } | null>>();
  return {
    describe,
    version,
    user(signer) {
      if (signer === undefined) return shared();
      let user = users.get(signer);
      if (user === undefined) {
        user = askUser(signer);
        users.set(signer, user);
      }
      return user();
    },
  };
}

function remembered<Value>(forMs: number, otherwise: Value, ask: () => Promise<Value>): () => Promise<Value> {
  let asked: Promise<Value> | undefined;
  let until = 0;
  return () => {
    if (asked !== undefined && performance.now() < until) return asked;
    until = performance.now() + forMs;
    asked = ask().catch(() => {
      until = performance.now() + afterFailure;
      return otherwise;
    });
    return asked;
  };
}
