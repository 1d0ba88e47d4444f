import type { ClientIdentity } from '../clients/identity.ts';
import { addressBlock } from '../http/peer.ts';

/**
 * Whose request it is, for what is shared out between clients: the name of a gateway's client, else the address that it came
 * from. Without a key there is nothing else by which to tell one from another. An address is no client's name.
 *
 * @param peer the address; `undefined` on a unix socket
 */
export function fairnessKey({ client }: ClientIdentity, peer: string | undefined): string {
  if (client !== undefined) return client.client.name;
  return peer === undefined ? 'unix socket' : `address ${addressBlock(peer)}`;
}
