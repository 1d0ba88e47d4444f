/**
 * Every operation of MAAS's API that has a name, of the releases 3.7.3 and main (August 2026) together: a path below
 * the API's root, and for each method the ops that it takes, `-` for none. `[s]?` is MAAS's way to say that both forms
 * are known; the identifier of `{+name}` may hold slashes (RFC 6570 §3.2.3).
 */
export const operationTable = `
account GET list_authorisation_tokens POST create_authorisation_token delete_authorisation_token update_token_name
account/prefs/sshkeys GET - POST - import
account/prefs/sshkeys/{id} GET - DELETE -
account/prefs/sslkeys GET - POST -
account/prefs/sslkeys/{id} GET - DELETE -
agents/{system_id}/services/{service_name}/config GET -
boot-resources GET - is_importing POST - import stop_import
boot-resources/{id} GET - DELETE -
boot-resources/{id}/upload/{file_id} PUT -
boot-sources GET - POST -
boot-sources/{boot_source_id}/selections GET - POST -
boot-sources/{boot_source_id}/selections/{id} GET - PUT - DELETE -
boot-sources/{id} GET - PUT - DELETE -
commissioning-results GET -
commissioning-scripts GET - POST -
commissioning-scripts/{name} GET - PUT - DELETE -
describe GET -
devices GET - is_action_in_progress is_registered POST - set_zone
devices/{system_id} GET - details power_parameters POST restore_default_configuration restore_networking_configuration
  set_owner_data set_workload_annotations PUT - DELETE -
dhcp-snippets GET - POST -
dhcp-snippets/{id} GET - POST revert PUT - DELETE -
discovery GET - by_unknown_ip by_unknown_ip_and_mac by_unknown_mac POST clear clear_by_mac_and_ip scan
discovery/{discovery_id} GET -
dnsresourcerecords GET - POST -
dnsresourcerecords/{id} GET - PUT - DELETE -
dnsresources GET - POST -
dnsresources/{id} GET - PUT - DELETE -
domains GET - POST - set_serial
domains/{id} GET - POST set_default PUT - DELETE -
events GET query
fabrics GET - POST -
fabrics/{fabric_id}/vlans GET - POST -
fabrics/{fabric_id}/vlans/{vid} GET - PUT - DELETE -
fabrics/{id} GET - PUT - DELETE -
files GET - get get_by_key POST - DELETE -
files/{+filename} GET - DELETE -
groups GET - POST -
groups/{id} GET - list_entitlements list_members POST add_entitlement add_member remove_entitlement remove_member PUT
  - DELETE -
images-sync-progress GET - POST -
images-sync-progress/{file_id}/{system_id} GET - PUT -
installation-results GET -
ipaddresses GET - POST release reserve
ipranges GET - POST -
ipranges/{id} GET - PUT - DELETE -
license-key/{osystem}/{distro_series} GET - PUT - DELETE -
license-keys GET - POST -
maas GET get_config POST set_config
machines GET - is_action_in_progress is_registered list_allocated power_parameters POST - accept accept_all
  add_chassis allocate clone release set_zone
machines/{system_id} GET - details get_curtin_config get_token power_parameters query_power_state POST abort
  clear_default_gateways commission deploy exit_rescue_mode lock mark_broken mark_fixed mount_special
  override_failed_testing power_off power_on release rescue_mode restore_default_configuration
  restore_networking_configuration restore_storage_configuration set_owner_data set_storage_layout
  set_workload_annotations test unlock unmount_special PUT - DELETE -
networks GET - POST -
networks/{name} GET - list_connected_macs POST connect_macs disconnect_macs PUT - DELETE -
nodes GET - is_action_in_progress is_registered POST set_zone
nodes/{system_id} GET - details power_parameters DELETE -
nodes/{system_id}/bcache-cache-set/{id} GET - PUT - DELETE -
nodes/{system_id}/bcache-cache-sets GET - POST -
nodes/{system_id}/bcache/{id} GET - PUT - DELETE -
nodes/{system_id}/bcaches GET - POST -
nodes/{system_id}/blockdevices GET - POST -
nodes/{system_id}/blockdevices/{device_id}/partition[s]?/{id} GET - POST add_tag format mount remove_tag unformat
  unmount DELETE -
nodes/{system_id}/blockdevices/{device_id}/partitions GET - POST -
nodes/{system_id}/blockdevices/{id} GET - POST add_tag format mount remove_tag set_boot_disk unformat unmount PUT -
  DELETE -
nodes/{system_id}/devices GET -
nodes/{system_id}/devices/{id} GET - DELETE -
nodes/{system_id}/interfaces GET - POST create_bond create_bridge create_physical create_vlan
nodes/{system_id}/interfaces/{id} GET - POST add_tag disconnect link_subnet remove_tag set_default_gateway
  unlink_subnet PUT - DELETE -
nodes/{system_id}/raid/{id} GET - PUT - DELETE -
nodes/{system_id}/raids GET - POST -
nodes/{system_id}/results GET -
nodes/{system_id}/results/{id} GET - download PUT - DELETE -
nodes/{system_id}/vmfs-datastore/{id} GET - PUT - DELETE -
nodes/{system_id}/vmfs-datastores GET - POST -
nodes/{system_id}/volume-group[s]?/{id} GET - POST create_logical_volume delete_logical_volume PUT - DELETE -
nodes/{system_id}/volume-groups GET - POST -
notifications GET - POST -
notifications/{id} GET - POST dismiss PUT - DELETE -
oidc-providers GET - get_active POST -
oidc-providers/{id} GET - PUT - DELETE -
openapi.yaml GET -
package-repositories GET - POST -
package-repositories/{id} GET - PUT - DELETE -
pods GET - POST -
pods/{id} GET - parameters POST add_tag compose refresh remove_tag PUT - DELETE -
rackcontrollers GET - describe_power_types is_action_in_progress is_registered power_parameters POST
  import_boot_images set_zone
rackcontrollers/{system_id} GET - details list_boot_images power_parameters query_power_state POST abort
  import_boot_images override_failed_testing power_off power_on test PUT - DELETE -
regioncontrollers GET - is_action_in_progress is_registered POST set_zone
regioncontrollers/{system_id} GET - details power_parameters PUT - DELETE -
reservedips GET - POST -
reservedips/{id} GET - PUT - DELETE -
resourcepool/{id} GET - PUT - DELETE -
resourcepools GET - POST -
scripts GET - POST -
scripts/{name} GET - download POST add_tag remove_tag revert PUT - DELETE -
spaces GET - POST -
spaces/{id} GET - PUT - DELETE -
static-routes GET - POST -
static-routes/{id} GET - PUT - DELETE -
subnets GET - POST -
subnets/{+id} GET - ip_addresses reserved_ip_ranges statistics unreserved_ip_ranges PUT - DELETE -
tags GET - POST -
tags/{name} GET - devices machines nodes rack_controllers region_controllers POST rebuild update_nodes PUT - DELETE -
users GET - whoami POST -
users/{username} GET - DELETE -
version GET -
virtual-machines GET - POST -
virtual-machines/{id} GET -
vlans/{vlan_id} GET - PUT - DELETE -
vm-clusters GET -
vm-clusters/{id} GET - PUT - DELETE -
vm-hosts GET - POST -
vm-hosts/{id} GET - parameters POST add_tag compose refresh remove_tag PUT - DELETE -
zones GET - POST -
zones/{name} GET - PUT - DELETE -
`;

/**
 * The identifiers that may contain slashes, as MAAS's router matches them (`urls_api.py`, the same from 3.4 to main);
 * all others end at the next slash. A subnet has a CIDR among its names, `10.0.0.0/24` or `cidr:10.0.0.0/24`, and
 * Python's `\d` is a digit of any script. MAAS requires two or three digits there; one digit would change only the name
 * of the operation.
 */
export const wideIdentifiers: { readonly [path: string]: RegExp | undefined } = {
  'files/{+filename}': /^.+$/s,
  'subnets/{+id}': /^[^/]+(?:\/\p{Nd}{1,3})?$/u,
};
