import { readsThatReveal } from '../maas/operations/credentials.ts';

/**
 * The policies that have a name. Rules of a preset say which operations reveal or change credentials: MAAS hands out its
 * own keys, the passwords of BMCs, private keys and licences to whoever may ask.
 */
export const presets = {
  /** Everything but the proxy's own account: there MAAS reveals, mints and deletes the very key that the proxy signs with. */
  standard: ['allow * **', 'deny * account/ *'],
  /** Reads, without those that reveal a credential, and without the one that talks to a BMC. */
  'read-only': ['allow GET **', ...readsThatReveal.map((read) => `deny ${read}`), 'deny GET ** query_power_state'],
  /** Everything that the key's user may do. */
  unrestricted: ['allow * **'],
} as const satisfies Record<string, readonly string[]>;

/** The name of a preset. */
export type PresetName = keyof typeof presets;
