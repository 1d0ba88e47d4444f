// The one step that sends the API key, and what MAAS says about it.
import type { Configuration } from '../config/configuration.ts';
import type { MaasAddress } from '../maas/maas-address.ts';
import { createSigner } from '../maas/signature.ts';
import { Problem } from '../problem.ts';
import { readUser, type Identity } from '../upstream/own-requests/identity.ts';
import { readOwnError } from '../upstream/own-requests/own-error.ts';
import { createUpstream } from '../upstream/upstream.ts';
import { failed, reasonAndRemedy, type Finding } from './finding.ts';
import { printable } from '../output/printable.ts';

type User = Exclude<Identity['user'], { refused: string }>;

/** Does MAAS take the key? Asked in the way in which the proxy itself signs and connects. */
export async function checkKey(
  maas: MaasAddress,
  connection: Pick<Configuration, 'key' | 'ca' | 'insecure'>,
): Promise<Finding<User>> {
  const signer = createSigner(connection.key);
  const upstream = createUpstream({ ...connection, regions: [maas], signer: () => signer, timeout: 5, maxUpstream: 1 });
  try {
    const answer = await upstream.sendOwnRequest('/users/?op=whoami');
    const ownError = readOwnError(answer);
    if (ownError !== undefined) return failed(ownError.reason, ownError.remedy);
    const user = readUser(answer);
    if (!('refused' in user)) return { status: 'ok', detail: 'MAAS takes it', found: user };
    const { reason, remedy } = reasonAndRemedy(user.refused);
    return failed(reason, remedy);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    // Of a refusal the chain makes a problem, because MAAS's own words may hold the true secret.
    const { reason, remedy } = reasonAndRemedy(error.message);
    return failed(error.receivedStatus === undefined ? `no answer to the signed request: ${reason}` : reason, remedy);
  } finally {
    await upstream.close();
  }
}

/** Whose rights has everybody who reaches the proxy? */
export function checkIdentity({ name, administrator }: User): Finding {
  return { status: 'ok', detail: `${printable(name)}, ${administrator ? 'administrator' : 'user'}` };
}
