import type { ClientIdentity } from '../clients/identity.ts';
import { addressBlock } from '../http/peer.ts';

/**
 * The fairness key of a request: slots, memory and limits are divided between these. It is the name of a gateway's
 * client, else the address, because nothing else distinguishes clients without a key. No client's name equals an
 * address's key.
 *
 * @param peer the address; `undefined` on a unix socket
 */
export function fairnessKey({ client }: ClientIdentity, peer: string | undefined): string {
  if (client !== undefined) return client.client.name;
  return peer === undefined ? 'unix socket' : `address ${addressBlock(peer)}`;
}
