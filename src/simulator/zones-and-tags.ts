// zones/ and tags/: create, read, update and delete; they accept both forms and JSON.
import { deleted, json, jsonText, missing, refuse } from './response.ts';
import { last, type Fields } from './fields.ts';
import { adminOnly, param, resource, type Action, type Call } from './resource.ts';
import { zoneJson, type Tag, type Zone } from './state.ts';

/** The name, which must be present and not taken. Without any data the list of errors is empty (MAAS 3.7.3, seen). */
function newName(data: Fields, taken: (name: string) => boolean, what: string): string {
  const name = last(data, 'name');
  if (data.size === 0) refuse(400, {});
  if (!name) refuse(400, { name: ['This field is required.'] });
  if (taken(name)) refuse(400, { name: [`${what} with this Name already exists.`] });
  return name;
}

const findZone = ({ state }: Call, name: string): Zone | undefined => state.zones.find((zone) => zone.name === name);
const zoneOf = (call: Call): Zone => findZone(call, param(call)) ?? missing('Zone');

const createZone: Action = (call) => {
  const name = newName(call.data, (wanted) => findZone(call, wanted) !== undefined, 'Physical zone');
  const zone = { id: call.state.nextId(), name, description: last(call.data, 'description') ?? '' };
  call.state.zones.push(zone);
  return json(zoneJson(zone));
};

const updateZone: Action = (call) => {
  const zone = zoneOf(call);
  zone.name = last(call.data, 'name') ?? zone.name;
  zone.description = last(call.data, 'description') ?? zone.description;
  return json(zoneJson(zone));
};

/** Deleting a zone that does not exist is not an error (MAAS 3.7.3, seen). */
const deleteZone: Action = ({ state, params: [name] }) => {
  if (name === 'default') refuse(400, 'This zone is the default zone, it cannot be deleted.');
  state.zones = state.zones.filter((zone) => zone.name !== name);
  return deleted();
};

const tagJson = (tag: Tag) => ({ ...tag, resource_uri: `/MAAS/api/2.0/tags/${tag.name}/` });
const tagOf = (call: Call): Tag => call.state.tags.get(param(call)) ?? missing('Tag');

function setTag(tag: Tag, data: Fields): void {
  for (const field of ['definition', 'comment', 'kernel_opts'] as const) tag[field] = last(data, field) ?? tag[field];
}

const createTag: Action = ({ state, data }) => {
  const name = newName(data, (wanted) => state.tags.has(wanted), 'Tag');
  const tag: Tag = { name, definition: '', comment: '', kernel_opts: '' };
  setTag(tag, data);
  state.tags.set(name, tag);
  return json(tagJson(tag));
};

const updateTag: Action = (call) => {
  const tag = tagOf(call);
  setTag(tag, call.data);
  return json(tagJson(tag));
};

const deleteTag: Action = (call) => {
  const { name } = tagOf(call);
  call.state.tags.delete(name);
  for (const machine of call.state.machines.values()) machine.tags.delete(name);
  call.state.changed();
  return deleted();
};

/** Reads form fields only: a JSON body is ignored, and the response is still 200 (MAAS 3.7.3, seen). */
const updateNodes: Action = (call) => {
  const { name } = tagOf(call);
  const { state, form } = call;
  const chosen = (field: string) => (form.get(field) ?? []).flatMap((id) => state.machines.get(id) ?? []);
  const [added, removed] = [chosen('add'), chosen('remove')];
  for (const machine of added) machine.tags.add(name);
  for (const machine of removed) machine.tags.delete(name);
  state.changed();
  return json({ added: added.length, removed: removed.length });
};

const taggedMachines: Action = (call) => {
  const { name } = tagOf(call);
  const machines = [...call.state.machines.values()].filter((machine) => machine.tags.has(name));
  return jsonText(JSON.stringify(machines.map(call.state.machineJson), null, 4));
};

export const zoneAndTagResources = [
  resource('ZonesHandler', 'zones/', {
    GET: ({ state }) => json(state.zones.map(zoneJson)),
    POST: adminOnly(createZone),
  }),
  resource('ZoneHandler', 'zones/{name}/', {
    GET: (call) => json(zoneJson(zoneOf(call))),
    PUT: adminOnly(updateZone),
    DELETE: adminOnly(deleteZone),
  }),
  resource('TagsHandler', 'tags/', {
    GET: ({ state }) => json([...state.tags.values()].map(tagJson)),
    POST: adminOnly(createTag),
  }),
  resource('TagHandler', 'tags/{name}/', {
    GET: (call) => json(tagJson(tagOf(call))),
    PUT: adminOnly(updateTag),
    DELETE: adminOnly(deleteTag),
    'GET machines': taggedMachines,
    'GET nodes': taggedMachines,
    'POST update_nodes': adminOnly(updateNodes),
  }),
];
