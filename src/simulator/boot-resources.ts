// boot-resources/: an image is created first, and then uploaded in chunks, which are appended.
import { createHash } from 'node:crypto';
import { deleted, json, missing, ok, refuse, type SimulatedResponse } from './response.ts';
import { last } from './fields.ts';
import { adminOnly, param, resource, type Action, type Call } from './resource.ts';
import type { BootResource, State } from './state.ts';

const summary = ({ id, name, architecture }: BootResource) => ({
  id,
  type: 'Uploaded',
  name,
  architecture,
  resource_uri: `/MAAS/api/2.0/boot-resources/${id}/`,
  last_deployed: null,
  subarches: 'generic',
  title: name,
});

/** With its set and file; `progress` and `upload_uri` are present until the file is complete. */
function detailed(image: BootResource) {
  const { id, filetype, sha256, size, received } = image;
  const complete = received === size;
  const progress = complete ? {} : { progress: size ? (received / size) * 100 : 0 };
  const upload = complete ? {} : { upload_uri: `/MAAS/api/2.0/boot-resources/${id}/upload/${id}/` };
  const filename = `root.${filetype}`;
  const file = {
    filename,
    filetype,
    sha256,
    filename_on_disk: sha256,
    size,
    complete,
    ...progress,
    ...upload,
  };
  const set = { version: '20260101', label: 'uploaded', size, complete, ...progress, files: { [filename]: file } };
  return { ...summary(image), sets: { [set.version]: set } };
}

const find = (state: State, id: string | undefined) => state.bootResources.get(Number(id));
const imageOf = (call: Call): BootResource => find(call.state, param(call)) ?? missing('BootResource');

const create: Action = ({ data, state }) => {
  const errors: Record<string, string[]> = {};
  function field(name: string): string {
    const value = last(data, name);
    if (!value) errors[name] = ['This field is required.'];
    return value ?? '';
  }
  const image: BootResource = {
    id: state.nextId(),
    name: field('name'),
    architecture: field('architecture'),
    sha256: field('sha256'),
    size: Number(field('size')),
    filetype: last(data, 'filetype') ?? 'tgz',
    received: 0,
    hash: createHash('sha256'),
  };
  if (Object.keys(errors).length > 0) refuse(400, errors);
  state.bootResources.set(image.id, image);
  return json(detailed(image), 201);
};

/** A chunk: always `200 OK`. The last one also checks the hash of the complete file. */
const upload = (call: Call): SimulatedResponse => {
  const image = imageOf(call);
  if (call.bodyLength === 0) refuse(400, 'Missing data.');
  if (image.received === image.size) refuse(400, 'Cannot upload to a complete file.');
  if (image.received + call.bodyLength > image.size || !call.upload) refuse(400, 'Too much data received.');
  if (image.received + call.bodyLength === image.size && call.upload.copy().digest('hex') !== image.sha256) {
    refuse(400, 'Saved content does not match given SHA256 value.');
  }
  image.received += call.bodyLength;
  image.hash = call.upload;
  return ok();
};

const remove: Action = (call) => {
  call.state.bootResources.delete(imageOf(call).id);
  return deleted();
};

export const bootResources = [
  resource('BootResourcesHandler', 'boot-resources/', {
    GET: ({ state }) => json([...state.bootResources.values()].map(summary)),
    'GET is_importing': () => json(false),
    POST: adminOnly(create),
  }),
  resource('BootResourceHandler', 'boot-resources/{id}/', {
    GET: (call) => json(detailed(imageOf(call))),
    DELETE: adminOnly(remove),
  }),
  resource(
    'BootResourceFileUploadHandler',
    'boot-resources/{resource_id}/upload/{id}/',
    { PUT: adminOnly(upload) },
    // A copy, so that an incomplete chunk adds nothing: MAAS's nginx does not forward one.
    { stream: ([id], state) => find(state, id)?.hash.copy() },
  ),
];
