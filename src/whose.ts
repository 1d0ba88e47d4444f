import type { Exchange } from './exchange.ts';

/**
 * Whose request it is, for what is shared out between clients: the name of a gateway's client, else the address that it came
 * from. Without a clients file there is nothing else by which to tell one from another.
 */
export function whose({ client, peer }: Exchange): string {
  return client?.client.name ?? peer ?? 'unix';
}
