/**
 * Reads that reveal a credential, or may contain one in a URL (`http://user:password@…`) or in a text that scripts and
 * people have written, in the form of rules: METHOD, path, op, and a parameter of the query. Checked for MAAS 3.4, 3.7
 * and main. The policy `read-only`, the cache, collapsing and compression all use this list.
 */
export const readsThatReveal = [
  'GET account/ *',
  'GET account/prefs/sslkeys/**',
  'GET machines/** power_parameters',
  'GET nodes/** power_parameters',
  'GET devices/** power_parameters',
  'GET rackcontrollers/** power_parameters',
  'GET regioncontrollers/** power_parameters',
  'GET machines/* get_token',
  'GET machines/* get_curtin_config',
  'GET maas/ get_config name=vcenter_password',
  'GET maas/ get_config name=vcenter_username',
  'GET maas/ get_config name=maas_auto_ipmi_k_g_bmc_key',
  'GET maas/ get_config name=http_proxy',
  'GET maas/ get_config name=main_archive',
  'GET maas/ get_config name=ports_archive',
  'GET maas/ get_config name=prometheus_push_gateway',
  'GET package-repositories/**',
  'GET boot-sources/',
  'GET boot-sources/*',
  // "Failed to import images from boot source http://user:password@…".
  'GET notifications/**',
  // Output of scripts and curtin from work with those URLs, and the URLs that they got.
  'GET commissioning-results/',
  'GET installation-results/',
  'GET nodes/*/results/**',
  'GET scripts/**',
  'GET commissioning-scripts/**',
  'GET dhcp-snippets/**',
  // The configuration of a rack's DHCP server, including its key.
  'GET agents/**',
  'GET license-keys/**',
  'GET license-key/**',
  'GET oidc-providers/**',
  'GET pods/* parameters',
  'GET vm-hosts/* parameters',
  // Their list too: it has the keys by which anybody gets them from MAAS without a signature.
  'GET files/**',
] as const;

/**
 * Operations that MAAS declares as reads although they change something: the state of a machine's power, a token
 * ("Operations" in MAAS's API).
 */
export const readsThatChange: ReadonlySet<string | undefined> = new Set([
  'query_power_state',
  'get_curtin_config',
  'get_token',
]);
