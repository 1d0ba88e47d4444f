// The one step that sends the API key, and the user that MAAS reports.
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

/** Does MAAS accept the key? The request is signed and sent as the proxy does it. */
export async function checkKey(
  maas: MaasAddress,
  connection: Pick<Configuration, 'key' | 'ca' | 'insecure'>,
): Promise<Finding<User>> {
  const signer = createSigner(connection.key);
  const upstream = createUpstream({ ...connection, regions: [maas], signer: () => signer, timeout: 5, maxUpstream: 1 });
  try {
    const response = await upstream.sendOwnRequest('/users/?op=whoami');
    const ownError = readOwnError(response);
    if (ownError !== undefined) return failed(ownError.reason, ownError.remedy);
    const user = readUser(response);
    if (!('refused' in user)) return { status: 'ok', detail: 'MAAS takes it', found: user };
    const { reason, remedy } = reasonAndRemedy(user.refused);
    return failed(reason, remedy);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    // The chain turns a refusal into a problem, because MAAS's own text may contain the true secret.
    const { reason, remedy } = reasonAndRemedy(error.message);
    return failed(error.receivedStatus === undefined ? `no response to the signed request: ${reason}` : reason, remedy);
  } finally {
    await upstream.close();
  }
}

/** Which user's rights do the clients of the proxy have? */
export function checkIdentity({ name, administrator }: User): Finding {
  return { status: 'ok', detail: `${printable(name)}, ${administrator ? 'administrator' : 'user'}` };
}
