/**
 * The policies that have a name. Rules of a preset say which operations reveal or change credentials: MAAS hands out its
 * own keys, the passwords of BMCs, private keys and licences to whoever may ask.
 */
export const presets = {
  /** Everything but the proxy's own account: there MAAS reveals, mints and deletes the very key that the proxy signs with. */
  standard: ['allow * **', 'deny * account/ *'],
  /**
   * Reads, without those that reveal a credential or may hold one in a URL (`http://user:password@…`) or in a text that
   * scripts and people have written, and without the one that talks to a BMC. Looked through for MAAS 3.4, 3.7 and main.
   */
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
    'deny GET maas/ get_config name=main_archive',
    'deny GET maas/ get_config name=ports_archive',
    'deny GET maas/ get_config name=prometheus_push_gateway',
    'deny GET package-repositories/**',
    'deny GET boot-sources/',
    'deny GET boot-sources/*',
    // "Failed to import images from boot source http://user:password@…".
    'deny GET notifications/**',
    // What scripts and curtin wrote while they worked with those URLs, and the URLs that they were given.
    'deny GET commissioning-results/',
    'deny GET installation-results/',
    'deny GET nodes/*/results/**',
    'deny GET scripts/**',
    'deny GET commissioning-scripts/**',
    'deny GET dhcp-snippets/**',
    // The configuration of a rack's DHCP server, with the key to it.
    'deny GET agents/**',
    'deny GET license-keys/**',
    'deny GET license-key/**',
    'deny GET oidc-providers/**',
    'deny GET pods/* parameters',
    'deny GET vm-hosts/* parameters',
    // Their list too: it has the keys with which MAAS gives them to anybody.
    'deny GET files/**',
    'deny GET ** query_power_state',
  ],
  /** Everything that the key's user may do. */
  unrestricted: ['allow * **'],
} as const satisfies Record<string, readonly string[]>;

/** The name of a preset. */
export type PresetName = keyof typeof presets;
