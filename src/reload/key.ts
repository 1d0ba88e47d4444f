import { readKeyFile } from '../config/key-file.ts';
import { othersMayRead, type NamedFile } from '../config/files.ts';
import type { ApiKey } from '../maas/api-key.ts';
import { createSigner, type Signer } from '../maas/signature.ts';
import { Problem } from '../problem.ts';
import { readUser } from '../upstream/own-requests/identity.ts';
import type { Upstream } from '../upstream/upstream.ts';
import type { Approval, WatchedKind, Source } from './watcher.ts';
import { digest } from './fingerprint.ts';

/** An API key of MAAS, ready to sign with. */
export interface SigningKey {
  readonly key: ApiKey;
  readonly signer: Signer;
}

/** Makes a key ready to sign with. Who signs with the same key has the same signer: reads are joined by it. */
export type MakeSigningKey = (key: ApiKey) => SigningKey;

/** Remembers what it has made for as long as somebody uses it. */
export function signingKeys(): MakeSigningKey {
  const made = new Map<string, WeakRef<SigningKey>>();
  return (key) => {
    const id = digest(`${key.consumer}:${key.token}:${key.revealSecret()}`);
    const known = made.get(id)?.deref();
    if (known !== undefined) return known;
    const signing = { key, signer: createSigner(key) };
    made.set(id, new WeakRef(signing));
    return signing;
  };
}

/**
 * A file that holds an API key of MAAS. A new key is tried at MAAS first: one that MAAS refuses does not take the place of one
 * that works, and is tried again from time to time. Requests under way end with the key they began with.
 *
 * @param sendOwnRequest the way to MAAS
 */
export function keySource(
  kind: WatchedKind,
  { file, source }: NamedFile,
  makeKey: MakeSigningKey,
  sendOwnRequest: Upstream['sendOwnRequest'],
): Source<SigningKey> {
  return {
    kind,
    title: `the API key file ${file}`,
    subject: source,
    load: (read) => makeKey(readKeyFile(file, read)),
    approve: (next, inForce) => approve(next, inForce, sendOwnRequest, file),
    // Of the gateway's own key the configuration says so.
    warnings: () =>
      kind === 'client-key' && othersMayRead(file)
        ? [`Every user of this machine may read the API key in ${file}; chmod 600 it.`]
        : [],
  };
}

async function approve(
  next: SigningKey,
  inForce: SigningKey,
  sendOwnRequest: Upstream['sendOwnRequest'],
  file: string,
): Promise<Approval> {
  const found = await identifyOwner(next, sendOwnRequest);
  if ('user' in found) return { note: `the key ${next.key} is ${found.user}` };
  const kept = `The API key that ${file} holds now (${next.key}) is not used, and the one before stays in force`;
  if ('failure' in found) return { refused: `${kept}: it could not be tried. ${found.failure}` };
  // Where neither works, the one that the operator has put there last is nearer to what is meant.
  if ('refusal' in (await identifyOwner(inForce, sendOwnRequest)))
    return { note: `MAAS refuses the key ${next.key}, as it does the last` };
  return { refused: `${kept}: ${found.refusal}` };
}

/** Whose key it is; or why MAAS refuses it; or why MAAS does not say. Sentences. */
type Owner = { readonly user: string } | { readonly refusal: string } | { readonly failure: string };

async function identifyOwner({ signer }: SigningKey, sendOwnRequest: Upstream['sendOwnRequest']): Promise<Owner> {
  try {
    const response = await sendOwnRequest('/users/?op=whoami', signer);
    const user = readUser(response);
    if (!('refused' in user)) return { user: `${user.name}, ${user.administrator ? 'administrator' : 'user'}` };
    return response.status === 403 ? { refusal: user.refused } : { failure: user.refused };
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    const isRefused = error.code === 'key-unknown' || error.code === 'key-secret-wrong';
    return isRefused ? { refusal: error.message } : { failure: error.message };
  }
}
