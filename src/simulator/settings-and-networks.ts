// The other resources: version, settings, events, scripts and networks.
import { deleted, dumps, handled, json, missing, ok, refuse } from './response.ts';
import { last } from './fields.ts';
import { domain, pool } from './machine.ts';
import { adminOnly, mandatory, param, resource, type Action, type Call } from './resource.ts';
import type { Subnet } from './state.ts';

const capabilities = [
  'networks-management',
  'static-ipaddresses',
  'ipv6-deployment-ubuntu',
  'devices-management',
  'storage-deployment-ubuntu',
  'network-deployment-ubuntu',
  'bridging-interface-ubuntu',
  'bridging-automatic-ubuntu',
  'authenticate-api',
];

const versionInfo: Action = ({ version }) =>
  handled(200, 'application/json; charset=utf-8', dumps({ capabilities, version, subversion: '' }), 'Authorization');

/** Only the value, as JSON, with a content type without charset (MAAS 3.7.3, seen). */
const getConfig: Action = ({ query, state }) => {
  const name = mandatory(query, 'name');
  if (!state.config.has(name)) refuse(400, { [name]: [`${name} is not a valid config setting.`] });
  return handled(200, 'application/json', JSON.stringify(state.config.get(name)));
};

const setConfig: Action = ({ form, state }) => {
  state.config.set(mandatory(form, 'name'), last(form, 'value') ?? '');
  return ok();
};

const LEVELS = ['INFO', 'WARNING', 'ERROR'];
const EVENTS = 100;

/** The newest first; the links lead to the next and the previous page. */
const events: Action = ({ query }) => {
  const limit = Math.min(Number(last(query, 'limit') ?? 100), 1000);
  const before = Number(last(query, 'before') ?? EVENTS + 1);
  const after = last(query, 'after');
  const newest = after === undefined ? before - 1 : Math.min(EVENTS, Number(after) + limit);
  const ids = Array.from({ length: Math.max(0, Math.min(limit, newest)) }, (_, index) => newest - index);
  const link = (side: string, id: number | undefined) =>
    `/MAAS/api/2.0/events/?op=query&limit=${limit}&${side}=${id ?? 0}`;
  return json({
    count: ids.length,
    events: ids.map((id) => ({
      username: 'unknown',
      node: 'm00001',
      hostname: 'sample00001',
      id,
      level: LEVELS[id % LEVELS.length],
      created: 'Tue, 24 Nov. 2026 02:19:11',
      type: `Event ${id % 7}`,
      description: `event number ${id}`,
    })),
    next_uri: link('after', ids[0]),
    prev_uri: link('before', ids.at(-1)),
  });
};

function subnetJson({ id, name, cidr }: Subnet) {
  const vlan = {
    vid: 0,
    mtu: 1500,
    dhcp_on: false,
    external_dhcp: null,
    relay_vlan: null,
    space: 'undefined',
    id: 5000 + id,
    primary_rack: null,
    fabric_id: 0,
    secondary_rack: null,
    fabric: 'fabric-0',
    name: 'untagged',
    resource_uri: `/MAAS/api/2.0/vlans/${5000 + id}/`,
  };
  return {
    name,
    description: '',
    vlan,
    cidr,
    rdns_mode: 2,
    gateway_ip: null,
    dns_servers: [],
    allow_dns: true,
    allow_proxy: true,
    active_discovery: false,
    managed: true,
    disabled_boot_architectures: [],
    space: 'undefined',
    id,
    resource_uri: `/MAAS/api/2.0/subnets/${id}/`,
  };
}
/**
 * A subnet is found by its number, its CIDR with a plain slash or `%2F`, or its name, each also with a prefix that says
 * which it is (`id:1`, `cidr:10.0.0.0/24`, `name:p1`; `SubnetQueriesMixin` of MAAS).
 */
function subnetOf(call: Call): Subnet {
  const [, kind, value = ''] = /^(?:(id|cidr|name):)?(.*)$/su.exec(param(call)) ?? [];
  const isMeant = ({ id, cidr, name }: Subnet): boolean =>
    kind === undefined
      ? [`${id}`, cidr, name].includes(value)
      : `${{ id, cidr, name }[kind as 'id' | 'cidr' | 'name']}` === value;
  return call.state.subnets.find(isMeant) ?? missing('Subnet');
}

const createSubnet: Action = ({ data, state }) => {
  const cidr = mandatory(data, 'cidr');
  const made = { id: state.nextId(), cidr, name: last(data, 'name') ?? cidr };
  state.subnets.push(made);
  return json(subnetJson(made));
};

const deleteSubnet: Action = (call) => {
  const gone = subnetOf(call);
  call.state.subnets = call.state.subnets.filter((subnet) => subnet !== gone);
  return deleted();
};

const scriptJson = (name: string) => ({
  name,
  title: name,
  type_name: 'Testing script',
  resource_uri: `/MAAS/api/2.0/scripts/${name}`,
});
const scriptOf = (call: Call): string => call.state.scripts.get(param(call)) ?? missing('Script');

const createScript: Action = ({ data, files, state }) => {
  const name = last(data, 'name');
  if (!name) refuse(400, { name: ['This field is required.'] });
  state.scripts.set(name, last(data, 'script') ?? [...files.values()][0]?.content.toString() ?? '');
  return json(scriptJson(name));
};

const readScript: Action = (call) => (scriptOf(call), json(scriptJson(param(call))));

export const settingAndNetworkResources = [
  resource('VersionHandler', 'version/', { GET: versionInfo }, { open: true }),
  resource('MaasHandler', 'maas/', { 'GET get_config': getConfig, 'POST set_config': adminOnly(setConfig) }),
  resource('EventsHandler', 'events/', { 'GET query': events }),
  resource('DomainsHandler', 'domains/', { GET: () => json([domain]) }),
  resource('ResourcePoolsHandler', 'resourcepools/', { GET: () => json([pool]) }),
  resource('SubnetsHandler', 'subnets/', {
    GET: ({ state }) => json(state.subnets.map(subnetJson)),
    POST: adminOnly(createSubnet),
  }),
  resource('SubnetHandler', 'subnets/{id:cidr}/', {
    GET: (call) => json(subnetJson(subnetOf(call))),
    DELETE: adminOnly(deleteSubnet),
    'GET reserved_ip_ranges': (call) => (subnetOf(call), json([])),
  }),
  resource('NodeScriptsHandler', 'scripts/', {
    GET: ({ state }) => json([...state.scripts.keys()].map(scriptJson)),
    POST: adminOnly(createScript),
  }),
  // One of the few paths that do not end in a slash.
  resource('NodeScriptHandler', 'scripts/{name}', {
    GET: readScript,
    'GET download': (call) => handled(200, 'application/binary', scriptOf(call)),
    DELETE: adminOnly((call) => (call.state.scripts.delete(param(call)), deleted())),
  }),
];
