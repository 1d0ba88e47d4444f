import { readsThatReveal } from '../maas/operations/credentials.ts';

/**
 * The presets. Their rules say which operations reveal or change credentials: MAAS returns its own keys, the passwords
 * of BMCs, private keys and licences to every user with the right to read them.
 */
export const presets = {
  /**
   * Everything but the proxy's own account: there MAAS reveals, creates and deletes the very key that the proxy signs
   * with.
   */
  standard: ['allow * **', 'deny * account/ *'],
  /** Reads, without those that reveal a credential, and without the one that queries a BMC. */
  'read-only': ['allow GET **', ...readsThatReveal.map((read) => `deny ${read}`), 'deny GET ** query_power_state'],
  /** Everything that the key's user may do. */
  unrestricted: ['allow * **'],
} as const satisfies Record<string, readonly string[]>;

/** The name of a preset. */
export type PresetName = keyof typeof presets;
