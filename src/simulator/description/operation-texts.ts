/** A parameter as `describe/` has it: name, type, whether it is required, what it is for. */
type ParameterText = readonly [name: string, type: string, required: boolean, text: string];

/** What `describe/` says of an operation: its title, what it does, its parameters. */
interface OperationText {
  readonly title: string;
  readonly text?: string;
  readonly parameters?: readonly ParameterText[];
}

const systemId: ParameterText = ['system_id', 'String', true, "The machine's system id, such as abc123."];
const comment: ParameterText = ['comment', 'String', false, 'Why it is done. It stands in the log of events.'];
const zoneName: ParameterText = ['name', 'String', true, "The zone's name."];
const tagName: ParameterText = ['name', 'String', true, "The tag's name."];
const username: ParameterText = ['username', 'String', true, "The user's name."];
const subnetId: ParameterText = ['id', 'String', true, "The subnet's id, its CIDR, or its name."];
const filename: ParameterText = ['filename', 'String', true, "The file's name."];

const machineFilters: readonly ParameterText[] = [
  ['hostname', 'String', false, 'Only machines with this hostname. May be given several times.'],
  ['id', 'String', false, 'Only the machine with this system id. May be given several times.'],
  ['status', 'String', false, 'Only machines of this status, such as deployed or ready.'],
  ['zone', 'String', false, 'Only machines of this zone.'],
  ['pool', 'String', false, 'Only machines of this resource pool.'],
  ['tags', 'String', false, 'Only machines with this tag. May be given several times.'],
];

/**
 * By method, path and op. The titles are those of MAAS 3.7.3; the parameters are those that people need most.
 * What is not here has its op as its title.
 */
const texts: Readonly<Record<string, OperationText>> = {
  'GET users/': { title: 'List users' },
  'GET users/ whoami': { title: 'Retrieve logged-in user', text: 'Returns the user whose key signs the request.' },
  'POST users/': {
    title: 'Create a MAAS user account',
    parameters: [
      ['username', 'String', true, 'The name to log in with.'],
      ['email', 'String', true, 'The address of the user.'],
      ['password', 'String', true, 'The password to log in with.'],
      ['is_superuser', 'Boolean', true, 'Whether the user is an administrator.'],
    ],
  },
  'GET users/{username}/': { title: 'Retrieve user details', parameters: [username] },
  'DELETE users/{username}/': { title: 'Delete a user', parameters: [username] },
  'GET account/ list_authorisation_tokens': { title: 'List authorisation tokens' },
  'POST account/ create_authorisation_token': {
    title: 'Create an authorisation token',
    parameters: [['name', 'String', false, 'What the token is called.']],
  },
  'POST account/ delete_authorisation_token': {
    title: 'Delete an authorisation token',
    parameters: [['token_key', 'String', true, 'The middle part of the key.']],
  },
  'GET zones/': { title: 'List zones', text: 'There is always a zone called default.' },
  'POST zones/': {
    title: 'Create a zone',
    parameters: [zoneName, ['description', 'String', false, 'What the zone is for.']],
  },
  'GET zones/{name}/': { title: 'Read a zone', parameters: [zoneName] },
  'PUT zones/{name}/': {
    title: 'Update a zone',
    parameters: [zoneName, ['description', 'String', false, 'What the zone is for.']],
  },
  'DELETE zones/{name}/': { title: 'Delete a zone', parameters: [zoneName] },
  'GET tags/': { title: 'List tags' },
  'POST tags/': {
    title: 'Create a new tag',
    parameters: [
      tagName,
      ['comment', 'String', false, 'What the tag means.'],
      ['definition', 'String', false, 'XPath.'],
    ],
  },
  'GET tags/{name}/': { title: 'Read a specific tag', parameters: [tagName] },
  'DELETE tags/{name}/': { title: 'Delete a tag', parameters: [tagName] },
  'GET tags/{name}/ machines': { title: 'List machines by tag', parameters: [tagName] },
  'GET tags/{name}/ nodes': { title: 'List nodes by tag', parameters: [tagName] },
  'POST tags/{name}/ update_nodes': {
    title: 'Update nodes associated with this tag',
    parameters: [
      tagName,
      ['add', 'String', false, 'A system id to add. May be given several times.'],
      ['remove', 'String', false, 'A system id to remove. May be given several times.'],
    ],
  },
  'GET files/': { title: 'List files', parameters: [['prefix', 'String', false, 'Only files whose names begin so.']] },
  'GET files/ get': { title: 'Get a file by its name', parameters: [filename] },
  'POST files/': {
    title: 'Add a new file',
    parameters: [filename, ['file', 'File', true, 'The content.']],
  },
  'DELETE files/': { title: 'Delete a file', parameters: [filename] },
  'GET files/{filename}/': { title: 'Read a stored file', parameters: [filename] },
  'DELETE files/{filename}/': { title: 'Delete a file', parameters: [filename] },
  'GET machines/': { title: 'List machines', text: 'Lists the machines that you may see.', parameters: machineFilters },
  'POST machines/': {
    title: 'Create a new machine',
    parameters: [
      ['architecture', 'String', true, 'The architecture, such as amd64/generic.'],
      ['mac_addresses', 'String', true, 'A MAC address of the machine. May be given several times.'],
      ['hostname', 'String', false, 'The hostname; MAAS makes one up where it is missing.'],
      ['power_type', 'String', false, 'How the machine is switched on and off, such as ipmi or manual.'],
    ],
  },
  'POST machines/ accept': {
    title: 'Accept declared machines',
    parameters: [['machines', 'String', true, 'A system id. May be given several times.']],
  },
  'GET machines/ list_allocated': { title: 'List allocated machines' },
  'GET machines/ power_parameters': {
    title: 'Get power parameters of machines',
    parameters: [['id', 'String', false, 'A system id. May be given several times.']],
  },
  'POST machines/ allocate': {
    title: 'Allocate a machine',
    text: 'Takes a machine that is Ready and fits, for you.',
    parameters: [
      ['name', 'String', false, 'The hostname of the machine.'],
      ['system_id', 'String', false, 'The system id of the machine.'],
      ['zone', 'String', false, 'The zone of the machine.'],
      ['tags', 'String', false, 'A tag that the machine must have.'],
    ],
  },
  'POST machines/ release': {
    title: 'Release machines',
    parameters: [['machines', 'String', true, 'A system id. May be given several times.'], comment],
  },
  'GET machines/{system_id}/': { title: 'Read a machine', parameters: [systemId] },
  'PUT machines/{system_id}/': {
    title: 'Update a machine',
    parameters: [
      systemId,
      ['hostname', 'String', false, 'The new hostname.'],
      ['description', 'String', false, 'The new description.'],
      ['zone', 'String', false, 'The new zone.'],
      ['pool', 'String', false, 'The new resource pool.'],
    ],
  },
  'DELETE machines/{system_id}/': { title: 'Delete a machine', parameters: [systemId] },
  'GET machines/{system_id}/ details': { title: 'Get system details', parameters: [systemId] },
  'GET machines/{system_id}/ power_parameters': { title: 'Get power parameters', parameters: [systemId] },
  'GET machines/{system_id}/ query_power_state': { title: 'Get the power state of a machine', parameters: [systemId] },
  'POST machines/{system_id}/ power_on': { title: 'Turn on a machine', parameters: [systemId, comment] },
  'POST machines/{system_id}/ power_off': {
    title: 'Power off a machine',
    parameters: [systemId, ['stop_mode', 'String', false, 'soft shuts it down; hard cuts the power.'], comment],
  },
  'POST machines/{system_id}/ deploy': {
    title: 'Deploy a machine',
    text: 'Installs an operating system on a machine that you have allocated.',
    parameters: [
      systemId,
      ['distro_series', 'String', false, 'The release to install, such as noble.'],
      ['user_data', 'String', false, 'What cloud-init reads, in base64.'],
      ['hwe_kernel', 'String', false, 'The kernel to install.'],
      comment,
    ],
  },
  'POST machines/{system_id}/ release': {
    title: 'Release a machine',
    parameters: [systemId, ['erase', 'Boolean', false, 'Whether the disks are erased.'], comment],
  },
  'POST machines/{system_id}/ lock': { title: 'Lock a machine', parameters: [systemId, comment] },
  'POST machines/{system_id}/ unlock': { title: 'Unlock a machine', parameters: [systemId, comment] },
  'POST machines/{system_id}/ mark_broken': { title: 'Mark a machine as Broken', parameters: [systemId, comment] },
  'POST machines/{system_id}/ mark_fixed': { title: 'Mark a machine as Fixed', parameters: [systemId, comment] },
  'POST machines/{system_id}/ abort': { title: 'Abort an operation of a machine', parameters: [systemId, comment] },
  'POST machines/{system_id}/ commission': { title: 'Commission a machine', parameters: [systemId] },
  'GET nodes/': { title: 'List nodes' },
  'GET nodes/{system_id}/': { title: 'Read a node', parameters: [systemId] },
  'DELETE nodes/{system_id}/': { title: 'Delete a node', parameters: [systemId] },
  'GET devices/': { title: 'List devices' },
  'GET boot-resources/': { title: 'List boot resources' },
  'GET boot-resources/ is_importing': { title: 'Importing status' },
  'GET version/': { title: 'MAAS version information' },
  'GET maas/ get_config': {
    title: 'Get a configuration value',
    parameters: [['name', 'String', true, 'The setting, such as maas_name.']],
  },
  'POST maas/ set_config': {
    title: 'Set a configuration value',
    parameters: [
      ['name', 'String', true, 'The setting, such as maas_name.'],
      ['value', 'String', false, 'Its new value.'],
    ],
  },
  'GET events/ query': {
    title: 'List node events',
    parameters: [
      ['id', 'String', false, 'Only events of the machine with this system id. May be given several times.'],
      ['level', 'String', false, 'The lowest level: DEBUG, INFO, WARNING, ERROR or CRITICAL.'],
      ['after', 'Int', false, 'Only events after the one with this id.'],
      ['before', 'Int', false, 'Only events before the one with this id.'],
      ['limit', 'Int', false, 'How many, at most 1000.'],
    ],
  },
  'GET domains/': { title: 'List all domains' },
  'GET resourcepools/': { title: 'List resource pools' },
  'GET subnets/': { title: 'List all subnets' },
  'POST subnets/': {
    title: 'Create a subnet',
    parameters: [
      ['cidr', 'String', true, 'The network, such as 10.0.0.0/24.'],
      ['name', 'String', false, 'Its name.'],
    ],
  },
  'GET subnets/{id}/': { title: 'Get a subnet', parameters: [subnetId] },
  'DELETE subnets/{id}/': { title: 'Delete a subnet', parameters: [subnetId] },
  'GET subnets/{id}/ reserved_ip_ranges': { title: 'List reserved IP ranges', parameters: [subnetId] },
  'GET scripts/': { title: 'List stored scripts' },
};

/**
 * The text of an operation, as `describe/` of MAAS 3.4 and 3.7 writes it: title, paragraphs, then the parameters as fields of
 * reStructuredText.
 *
 * @param key method and path, and the op where there is one: `POST machines/{system_id}/ deploy`
 * @param name what to call it where nothing is known of it
 */
export function operationText(key: string, name: string): string {
  const { title, text, parameters = [] } = texts[key] ?? { title: name };
  const fields = parameters.map(
    ([parameter, type, required, use]) =>
      `:param ${parameter}: ${required ? 'Required' : 'Optional'}. ${use}\n:type ${parameter}: ${type}\n`,
  );
  return [title, ...(text === undefined ? [] : [text]), ...fields].join('\n\n');
}
