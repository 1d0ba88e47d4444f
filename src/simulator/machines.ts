// machines/ and nodes/. Many of these operations read form fields only, and ignore a JSON body silently.
import {
  deleted,
  handled,
  json,
  jsonText,
  missing,
  plain,
  raised,
  refuse,
  type SimulatedResponse,
} from './response.ts';
import { last } from './fields.ts';
import { stockMachine, type Machine, type Status } from './machine.ts';
import { adminOnly, mandatory, param, resource, type Action, type Actions, type Call } from './resource.ts';

const machineOf = (call: Call): Machine => call.state.machines.get(param(call)) ?? missing('Machine');

/** An operation that changes one machine and responds with it. */
const change =
  (work: (machine: Machine, call: Call) => void): Action =>
  (call) => {
    const machine = machineOf(call);
    work(machine, call);
    call.state.changed();
    return json(call.state.machineJson(machine));
  };

function must(machine: Machine, statuses: Status[], otherwise: string): void {
  if (!statuses.includes(machine.status)) refuse(409, otherwise);
}

/** For a machine whose power MAAS does not control, the response is `null` (MAAS 3.7.3, seen). */
const power =
  (work: (machine: Machine, call: Call) => void): Action =>
  (call) => {
    const response = change(work)(call);
    return machineOf(call).powerType === 'manual' ? json(null) : response;
  };

const powerOn = power((machine) => {
  if (machine.powerType !== 'manual') machine.powerState = 'on';
});

/** stop_mode comes from the form; in a JSON body it is ignored, and the default is a hard stop. */
const powerOff = power((machine, { form }) => {
  machine.stopMode = last(form, 'stop_mode') === 'soft' ? 'soft' : 'hard';
  if (machine.powerType !== 'manual') machine.powerState = 'off';
});

const queryPower: Action = (call) => {
  const { powerType, powerState, hostname } = machineOf(call);
  if (powerType === 'manual') refuse(503, `No rack controllers can access the BMC of node ${hostname}`);
  return json({ state: powerState });
};

const deploy = change((machine, { form, user }) => {
  must(machine, ['Ready', 'Allocated'], `Can't deploy a machine that is in the '${machine.status}' state`);
  machine.status = 'Deploying';
  machine.owner = user?.username ?? null;
  machine.distroSeries = last(form, 'distro_series') ?? 'noble';
});

const release = change((machine) => {
  must(
    machine,
    ['Ready', 'Allocated', 'Deploying', 'Deployed', 'Broken'],
    `Machine cannot be released in its current state ('${machine.status}').`,
  );
  Object.assign(machine, { status: 'Ready', owner: null, distroSeries: '', annotations: {} });
});

const lock = change((machine) => {
  must(machine, ['Deployed', 'Deploying'], "Can't lock, node is not deployed or deploying");
  machine.locked = true;
});

const unlock = change((machine) => {
  if (!machine.locked) refuse(409, 'Machine is not locked');
  machine.locked = false;
});

const markBroken = change((machine, { form }) => {
  machine.status = 'Broken';
  machine.errorDescription = last(form, 'comment') ?? '';
});

const abort = change((machine) => {
  must(machine, ['Commissioning', 'Deploying'], `Cannot abort in the '${machine.status}' state`);
  machine.status = machine.status === 'Commissioning' ? 'New' : 'Allocated';
});

const annotate = change((machine, { form }) => {
  if (machine.owner === null) refuse(409, "Cannot set workload annotation: it hasn't been acquired.");
  for (const name of form.keys()) if (name !== 'op') machine.annotations[name] = last(form, name) ?? '';
});

const createMachine: Action = (call) => {
  const { data, state } = call;
  const [architecture, mac] = [last(data, 'architecture'), last(data, 'mac_addresses')];
  if (!architecture) refuse(400, { architecture: ['This field is required.'] });
  if (!mac) refuse(400, { mac_addresses: ['This field is required.'] });
  const number = state.nextId();
  // MAAS accepts both `power_parameters_power_pass=…` and `power_parameters={"power_pass": …}`.
  const powerParameters = JSON.parse(last(data, 'power_parameters') ?? '{}') as Record<string, string>;
  for (const name of data.keys()) {
    if (name.startsWith('power_parameters_')) powerParameters[name.slice(17)] = last(data, name) ?? '';
  }
  const machine: Machine = {
    ...stockMachine(number),
    systemId: number.toString(36).padStart(6, 'n'),
    hostname: last(data, 'hostname') || `machine-${number}`,
    architecture,
    mac,
    powerType: last(data, 'power_type') ?? '',
    powerParameters,
    powerState: 'unknown',
    status: 'New',
    owner: null,
    distroSeries: '',
    memory: 0,
    disk: false,
  };
  state.machines.set(machine.systemId, machine);
  state.changed();
  return json(state.machineJson(machine));
};

const updateMachine = change((machine, { data }) => {
  machine.hostname = last(data, 'hostname') ?? machine.hostname;
  machine.description = last(data, 'description') ?? machine.description;
});

const deleteMachine: Action = (call) => {
  call.state.machines.delete(machineOf(call).systemId);
  call.state.changed();
  return deleted();
};

/**
 * With `dry_run=true`, the only POST that just reads. A JSON body gives a 500 (MAAS 3.7.3, seen; its text was not
 * seen).
 */
const allocate: Action = ({ form, json: isJson, state, user }): SimulatedResponse => {
  if (isJson) return raised(500, "'dict' object has no attribute 'getlist'");
  const id = last(form, 'system_id');
  const name = last(form, 'name');
  const found = [...state.machines.values()].find(
    (one) => one.status === 'Ready' && (!id || one.systemId === id) && (!name || one.hostname === name),
  );
  if (!found) refuse(409, 'No machine available.');
  if (last(form, 'dry_run') !== 'true') {
    found.status = 'Allocated';
    found.owner = user?.username ?? null;
    state.changed();
  }
  return json(state.machineJson(found));
};

const releaseMany: Action = (call) => {
  const ids = call.form.get('machines') ?? [];
  for (const id of ids) release({ ...call, params: [id] });
  return json(ids);
};

/** Bulk BMC passwords, of all machines or of those named by `id`. */
const allPowerParameters: Action = ({ query, state }) => {
  const ids = query.get('id') ?? [...state.machines.keys()];
  return json(Object.fromEntries(ids.map((id) => [id, state.machines.get(id)?.powerParameters ?? {}])));
};

const isRegistered: Action = ({ query, state }) => {
  const mac = mandatory(query, 'mac_address');
  return json([...state.machines.values()].some((machine) => machine.mac === mac));
};

/** Only for unsigned requests; a signed one gets `Unrecognised signature` (MAAS 3.7.3, seen). */
const isActionInProgress: Action = ({ state, query }) => {
  const mac = mandatory(query, 'mac_address');
  return json(
    [...state.machines.values()].some(
      (machine) => machine.mac === mac && ['Commissioning', 'Deploying'].includes(machine.status),
    ),
  );
};

const listAllocated: Action = ({ state, user }) => {
  const mine = [...state.machines.values()].filter((machine) => machine.owner === user?.username);
  return json(mine.map(state.machineJson));
};

const listMachines: Action = ({ state }) => jsonText(state.machineList());
const readMachine: Action = (call) => json(call.state.machineJson(machineOf(call)));
const powerParameters: Action = (call) => json(machineOf(call).powerParameters);
const bson: Action = (call) => (machineOf(call), handled(200, 'application/bson', Buffer.from([5, 0, 0, 0, 0])));

/** The reads that need no signature. */
const anonymousReads: Actions = {
  'GET is_registered': isRegistered,
  'GET is_action_in_progress': isActionInProgress,
};

export const machineResources = [
  resource(
    'MachinesHandler',
    'machines/',
    {
      GET: listMachines,
      POST: createMachine,
      'GET is_registered': isRegistered,
      'GET list_allocated': listAllocated,
      'GET power_parameters': adminOnly(allPowerParameters),
      'POST allocate': allocate,
      'POST release': releaseMany,
    },
    {
      anonymous: {
        ...anonymousReads,
        POST: createMachine,
        'POST accept': () => plain(401, 'You must be logged in to accept machines.'),
      },
    },
  ),
  resource('MachineHandler', 'machines/{system_id}/', {
    GET: readMachine,
    PUT: updateMachine,
    DELETE: adminOnly(deleteMachine),
    'GET details': bson,
    'GET power_parameters': adminOnly(powerParameters),
    'GET query_power_state': queryPower,
    'POST power_on': powerOn,
    'POST power_off': powerOff,
    'POST deploy': deploy,
    'POST release': release,
    'POST lock': lock,
    'POST unlock': unlock,
    'POST mark_broken': markBroken,
    'POST abort': abort,
    'POST mark_fixed': change((machine) => void (machine.status = 'Ready')),
    'POST commission': adminOnly(change((machine) => void (machine.status = 'Commissioning'))),
    'POST set_workload_annotations': annotate,
  }),
  resource(
    'NodesHandler',
    'nodes/',
    { GET: listMachines, 'GET is_registered': isRegistered },
    { anonymous: anonymousReads },
  ),
  resource('NodeHandler', 'nodes/{system_id}/', {
    GET: readMachine,
    DELETE: adminOnly(deleteMachine),
    'GET power_parameters': adminOnly(powerParameters),
  }),
  resource(
    'DevicesHandler',
    'devices/',
    { GET: () => json([]), 'GET is_registered': isRegistered },
    { anonymous: anonymousReads },
  ),
];
