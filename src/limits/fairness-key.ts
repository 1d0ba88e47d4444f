import type { Exchange } from '../exchange.ts';
import { addressBlock } from '../http/peer.ts';

/**
 * Whose request it is, for what is shared out between clients: the name of a gateway's client, else the address that it came
 * from. Without a key there is nothing else by which to tell one from another. An address is no client's name.
 */
export function fairnessKey({ client, peer }: Exchange): string {
  if (client !== undefined) return client.client.name;
  return peer === undefined ? 'unix socket' : `address ${addressBlock(peer)}`;
}
