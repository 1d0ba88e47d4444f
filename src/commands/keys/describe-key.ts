// Descriptions of a client's key, for people and for scripts. They cannot contain a secret: the file has only hashes.
import { hasExpired, policyFile, type Client } from '../../clients/client.ts';

/** A client's policy, in a word or two. */
export function describePolicy({ policy }: Client): string {
  if (policy === undefined) return "the gateway's";
  if (typeof policy === 'string') return policy;
  return policy.length === 1 ? '1 rule' : `${policy.length} rules`;
}

/** When a key expires, or has expired. */
export function describeEnd(client: Client): string {
  if (client.expires === undefined) return 'never';
  return hasExpired(client, Date.now()) ? `expired ${client.expires}` : client.expires;
}

/** A client's limits, in a word or two. */
export function describeLimits({ limits }: Client): string {
  const { perMinute, atOnce } = limits ?? {};
  const said = [
    perMinute === undefined ? [] : `${perMinute} a minute`,
    atOnce === undefined ? [] : `${atOnce} at once`,
  ];
  return said.flat().join(', ') || '–';
}

/** A key by the beginning of its first part. */
export function describeKey({ consumer }: Client): string {
  return `${consumer.slice(0, 4)}…`;
}

/** When a key was last used, to the minute, because a gateway saves it once a minute. @param moment ms since 1970 */
export function describeUse(moment: number | undefined): string {
  return moment === undefined ? 'unknown' : `${new Date(moment).toISOString().slice(0, 16)}Z`;
}

/** A key for scripts. `null` means: the gateway's own policy and limits, no expiry, not known. */
export interface ShownKey {
  readonly name: string;
  readonly key: string;
  /** A preset's name, the path of a file of rules, or rules. */
  readonly policy: string | readonly string[] | null;
  readonly perMinute: number | null;
  readonly atOnce: number | null;
  /** ISO 8601, as in the file. */
  readonly expires: string | null;
  readonly hasExpired: boolean;
  /** ISO 8601, to the minute. */
  readonly lastUsed: string | null;
  readonly maasKeyFile: string | null;
}

/** Describes a key for scripts. @param used when it was last used, ms since 1970 */
export function showForScripts(client: Client, used: number | undefined): ShownKey {
  return {
    name: client.name,
    key: describeKey(client),
    policy: client.policy ?? null,
    perMinute: client.limits?.perMinute ?? null,
    atOnce: client.limits?.atOnce ?? null,
    expires: client.expires ?? null,
    hasExpired: hasExpired(client, Date.now()),
    lastUsed: used === undefined ? null : describeUse(used),
    maasKeyFile: client.maasKeyFile ?? null,
  };
}

/** Whether a client's rules are in its entry, so that they can be shown one by one. */
export function ownRules(client: Client): readonly string[] {
  return policyFile(client) === undefined && typeof client.policy === 'object' ? client.policy : [];
}
