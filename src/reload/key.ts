import { readKeyFile } from '../config/key-file.ts';
import { othersMayRead, type NamedFile } from '../config/files.ts';
import type { ApiKey } from '../maas/api-key.ts';
import { createSigner, type Signer } from '../maas/signature.ts';
import { Problem } from '../problem.ts';
import { readUser } from '../upstream/own-requests/identity.ts';
import type { Upstream } from '../upstream/upstream.ts';
import type { Approval, WatchedPurpose, Source } from './watcher.ts';
import { digest } from './fingerprint.ts';

/** An API key of MAAS with its signer. */
export interface SigningKey {
  readonly key: ApiKey;
  readonly signer: Signer;
}

/** Makes the signer of a key. Equal keys have the same signer: identical reads with it are collapsed. */
export type MakeSigningKey = (key: ApiKey) => SigningKey;

/** Caches the signers for as long as they are used. */
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
 * A file that holds an API key of MAAS. A new key is tried at MAAS first: a key that MAAS refuses does not replace one
 * that works, and is tried again periodically. Requests in flight continue with the key that they began with.
 *
 * @param sendOwnRequest sends a request to MAAS
 */
export function keySource(
  purpose: WatchedPurpose,
  { file, source }: NamedFile,
  makeKey: MakeSigningKey,
  sendOwnRequest: Upstream['sendOwnRequest'],
): Source<SigningKey> {
  return {
    purpose,
    title: `the API key file ${file}`,
    subject: source,
    load: (read) => makeKey(readKeyFile(file, read)),
    approve: (next, inForce) => approve(next, inForce, sendOwnRequest, file),
    // For the gateway's own key the configuration warns.
    warnings: () =>
      purpose === 'client-key' && othersMayRead(file)
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
  const notUsed = `The API key that ${file} holds now (${next.key}) is not used, and the one before stays in force`;
  if ('failure' in found) return { refused: `${notUsed}: it could not be tried. ${found.failure}` };
  // If neither key works, the new one is more likely to be the intended one.
  if ('refusal' in (await identifyOwner(inForce, sendOwnRequest)))
    return { note: `MAAS refuses the key ${next.key}, as it does the last` };
  return { refused: `${notUsed}: ${found.refusal}` };
}

/** The key's user; or why MAAS refuses it; or why MAAS does not say. Sentences. */
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
