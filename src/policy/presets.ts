/**
 * The policies that have a name. Rules of a preset say which operations reveal or change credentials: MAAS hands out its
 * own keys, the passwords of BMCs, private keys and licences to whoever may ask.
 */
export const presets = {
  /** Everything but the proxy's own account: there MAAS reveals, mints and deletes the very key that the proxy signs with. */
  standard: ['allow * **', 'deny * account/ *'],
  /** Reads, without those that reveal a credential, and without the one that talks to a BMC. */
  'read-only': [
    'allow GET **',
    'deny GET account/ *',
    'deny GET account/prefs/sslkeys/**',
    'deny GET machines/** power_parameters',
    'deny GET nodes/** power_parameters',
    'deny GET devices/** power_parameters',
    'deny GET rackcontrollers/** power_parameters',
    'deny GET regioncontrollers/** power_parameters',
    'deny GET machines/* get_token',
    'deny GET machines/* get_curtin_config',
    'deny GET maas/ get_config name=vcenter_password',
    'deny GET maas/ get_config name=vcenter_username',
    'deny GET maas/ get_config name=maas_auto_ipmi_k_g_bmc_key',
    'deny GET maas/ get_config name=http_proxy',
    'deny GET license-keys/**',
    'deny GET license-key/**',
    'deny GET oidc-providers/**',
    'deny GET pods/* parameters',
    'deny GET vm-hosts/* parameters',
    'deny GET files/ get',
    'deny GET files/ get_by_key',
    'deny GET files/*/**',
    'deny GET ** query_power_state',
  ],
  /** Everything that the key's user may do. */
  unrestricted: ['allow * **'],
} as const satisfies Record<string, readonly string[]>;

/** The name of a preset. */
export type PresetName = keyof typeof presets;
