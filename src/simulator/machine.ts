// One machine: the state that the operations change, and the large JSON in which MAAS describes it.
import { newMachineFields, type Version } from './version-facts.ts';

export interface Machine {
  systemId: string;
  number: number;
  hostname: string;
  description: string;
  architecture: string;
  mac: string | undefined;
  status: Status;
  owner: string | null;
  locked: boolean;
  powerType: string;
  powerState: 'on' | 'off' | 'unknown';
  powerParameters: Record<string, string>;
  /** How it was last powered off; null: never. A stop_mode in a JSON body is ignored, so it is then `hard`. */
  stopMode: 'hard' | 'soft' | null;
  distroSeries: string;
  annotations: Record<string, string>;
  tags: Set<string>;
  errorDescription: string;
  /** In MiB. */
  memory: number;
  disk: boolean;
}

const STATUS = {
  New: 0,
  Commissioning: 1,
  Ready: 4,
  Deployed: 6,
  Broken: 8,
  Deploying: 9,
  Allocated: 10,
} as const;
export type Status = keyof typeof STATUS;

/** The same value under each of these names. */
function each<T>(value: T, names: string): Record<string, T> {
  return Object.fromEntries(names.split(' ').map((name) => [name, value]));
}

const uri = (path: string) => ({ resource_uri: `/MAAS/api/2.0/${path}/` });
export const domain = {
  authoritative: true,
  ttl: null,
  id: 0,
  resource_record_count: 0,
  is_default: true,
  name: 'maas',
  ...uri('domains/0'),
};
export const pool = { name: 'default', description: 'Default pool', id: 0, ...uri('resourcepool/0') };

const TESTS = ['cpu_test', 'network_test', 'memory_test', 'storage_test', 'interface_test', 'other_test'];
const HARDWARE = [
  'system_vendor system_product system_family system_version system_sku system_serial cpu_model',
  'mainboard_vendor mainboard_product mainboard_serial mainboard_version mainboard_firmware_vendor',
  'mainboard_firmware_date mainboard_firmware_version chassis_vendor chassis_type chassis_serial chassis_version',
].join(' ');

/** The fields that are the same for every machine here. */
const CONSTANT = {
  ...each(null, 'current_installation_result_id current_testing_result_id current_commissioning_result_id address_ttl'),
  ...each(null, 'swap_size pod boot_disk hwe_kernel hardware_uuid next_sync last_sync sync_interval parent'),
  ...each(null, 'status_action status_message virtualmachine_id'),
  ...each([], 'blockdevice_set virtualblockdevice_set special_filesystems volume_groups raids bcaches cache_sets'),
  ...each(false, 'enable_hw_sync enable_kernel_crash_dump ephemeral_deploy is_dpu disable_ipv4'),
  ...each(-1, [...TESTS, 'testing', 'commissioning'].map((name) => `${name}_status`).join(' ')),
  ...each('Unknown', [...TESTS, 'testing', 'commissioning'].map((name) => `${name}_status_name`).join(' ')),
  ...each(0, 'cpu_speed storage node_type'),
  default_gateways: each({ gateway_ip: null, link_id: null }, 'ipv4 ipv6'),
  hardware_info: each('Unknown', HARDWARE),
  ip_addresses: [],
  min_hwe_kernel: '',
  netboot: true,
  node_type_name: 'Machine',
  domain,
  pool,
};

function blockDevice({ systemId, number }: Machine) {
  return {
    ...each(null, 'firmware_version partition_table_type storage_pool filesystem uuid'),
    ...each('', 'serial model'),
    system_id: systemId,
    block_size: 512,
    used_for: 'Unused',
    partitions: [],
    path: '/dev/disk/by-dname/sda',
    size: 250000000000,
    available_size: 249993101312,
    used_size: 0,
    id_path: '/dev/sda',
    tags: ['ssd', 'sata'],
    numa_node: 0,
    id: number,
    name: 'sda',
    type: 'physical',
    ...uri(`nodes/${systemId}/blockdevices/${number}`),
  };
}

function networkInterface({ systemId, number, mac }: Machine) {
  return {
    ...each(null, 'vendor discovered vlan firmware_version product'),
    ...each([], 'children parents tags links'),
    ...each(0, 'interface_speed link_speed numa_node sriov_max_vf'),
    ...each(true, 'link_connected enabled'),
    system_id: systemId,
    mac_address: mac,
    effective_mtu: 1500,
    id: number,
    params: {},
    name: 'eth0',
    type: 'physical',
    ...uri(`nodes/${systemId}/interfaces/${number}`),
  };
}

/** All fields of MAAS's own response (3.4.10 and 3.7.3, seen). */
export function describeMachine(machine: Machine, zone: object, version: Version): Record<string, unknown> {
  const { systemId, hostname, status, memory, disk } = machine;
  const interfaces = machine.mac === undefined ? [] : [networkInterface(machine)];
  const all: Record<string, unknown> = {
    ...CONSTANT,
    hostname,
    fqdn: `${hostname}.maas`,
    system_id: systemId,
    status: STATUS[status],
    status_name: status,
    owner: machine.owner,
    owner_data: machine.annotations,
    workload_annotations: machine.annotations,
    locked: machine.locked,
    power_state: machine.powerState,
    power_type: machine.powerType,
    architecture: machine.architecture,
    distro_series: machine.distroSeries,
    osystem: machine.distroSeries ? 'ubuntu' : '',
    description: machine.description,
    error_description: machine.errorDescription,
    tag_names: [...machine.tags],
    bios_boot_method: memory > 0 ? 'uefi' : null,
    cpu_count: memory > 0 ? 2 : 0,
    memory,
    numanode_set: [{ index: 0, memory, cores: [], hugepages_set: [] }],
    physicalblockdevice_set: disk ? [blockDevice(machine)] : [],
    interface_set: interfaces,
    boot_interface: interfaces[0] ?? null,
    zone,
    ...uri(`machines/${systemId}`),
  };
  if (version === '3.4.10') for (const field of newMachineFields) delete all[field];
  return all;
}

/** One of the machines at the start; 200 of them make a list as long as a real one (0.9 MB). */
export function stockMachine(number: number): Machine {
  const status = (['Ready', 'Deployed', 'Ready', 'New'] as const)[number % 4] ?? 'Ready';
  const deployed = status === 'Deployed';
  return {
    systemId: `m${String(number).padStart(5, '0')}`,
    number,
    hostname: `sample${String(number).padStart(5, '0')}`,
    description: '',
    architecture: 'amd64/generic',
    status,
    owner: deployed ? 'admin' : null,
    locked: false,
    mac: undefined,
    powerType: 'ipmi',
    powerState: deployed ? 'on' : 'off',
    stopMode: null,
    powerParameters: {
      power_address: '192.0.2.10',
      power_user: 'maas',
      power_pass: `bmc-password-${number}`,
    },
    distroSeries: deployed ? 'noble' : '',
    annotations: {},
    tags: new Set<string>(),
    errorDescription: '',
    memory: 2048,
    disk: deployed,
  };
}
