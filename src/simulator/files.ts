// files/: uploads by multipart, raw downloads, and two paths that only the simulator has, for transfers of any size.
import { createHash, randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import { deleted, handled, json, refuse, type SimulatedResponse } from './response.ts';
import { last } from './fields.ts';
import { mandatory, param, resource, type Action, type Call } from './resource.ts';

const MIB = 2 ** 20;

/** A MiB of bytes that look random and are always the same; its first four are replaced by the MiB's number. */
const block = Buffer.alloc(MIB);
for (let at = 0, word = 0x9e3779b9; at < MIB; at += 4) {
  word ^= word << 13;
  word ^= word >>> 17;
  word ^= word << 5;
  block.writeInt32LE(word, at);
}

function* simulatedBytes(mebibytes: number): Generator<Buffer> {
  for (let index = 0; index < mebibytes; index += 1) {
    const head = Buffer.alloc(4);
    head.writeUInt32BE(index);
    yield head;
    yield block.subarray(4);
  }
}

/** The SHA-256 (hex) of `sim-<N>MiB.bin`, to check that a download is complete and unchanged. */
export function simulatedFileSha256(mebibytes: number): string {
  const hash = createHash('sha256');
  for (const chunk of simulatedBytes(mebibytes)) hash.update(chunk);
  return hash.digest('hex');
}

function simulatedFile(filename: string): SimulatedResponse | undefined {
  const mebibytes = Number(/^sim-(\d{1,6})MiB\.bin$/.exec(filename)?.[1] ?? NaN);
  if (Number.isNaN(mebibytes)) return undefined;
  const open = () => Readable.from(simulatedBytes(mebibytes), { objectMode: true, highWaterMark: 1 });
  return { ...handled(200, 'text/html; charset=utf-8', ''), body: { length: mebibytes * MIB, open } };
}

function entry(filename: string, key: string) {
  return {
    filename,
    anon_resource_uri: `/MAAS/api/2.0/files/?op=get_by_key&key=${key}`,
    resource_uri: `/MAAS/api/2.0/files/${filename}/`,
  };
}

const raw = (content: Buffer): SimulatedResponse => handled(200, 'text/html; charset=utf-8', content);
const stored = ({ state }: Call, filename: string) => state.files.get(filename) ?? refuse(404, 'File not found');

const list: Action = ({ state, query }) => {
  const prefix = last(query, 'prefix') ?? '';
  const files = [...state.files].filter(([filename]) => filename.startsWith(prefix));
  return json(files.map(([filename, { key }]) => entry(filename, key)));
};

const upload: Action = ({ state, files, form }) => {
  const file = files.get('file');
  if (!file) refuse(400, 'File not supplied');
  const filename = last(form, 'filename');
  if (!filename) refuse(400, 'Filename not supplied');
  state.files.set(filename, { key: randomUUID(), content: file.content });
  return handled(201, 'text/html; charset=utf-8', '');
};

const download: Action = (call) => {
  const filename = mandatory(call.query, 'filename');
  return simulatedFile(filename) ?? raw(stored(call, filename).content);
};

const byKey: Action = ({ state, query }) => {
  const key = mandatory(query, 'key');
  const file = [...state.files.values()].find((one) => one.key === key);
  return raw((file ?? refuse(404, 'File not found')).content);
};

const asJson: Action = (call) => {
  const file = stored(call, param(call));
  const { filename, anon_resource_uri, resource_uri } = entry(param(call), file.key);
  return json({ filename, anon_resource_uri, content: file.content.toString('base64'), resource_uri });
};

const remove = (call: Call, filename: string): SimulatedResponse => {
  stored(call, filename);
  call.state.files.delete(filename);
  return deleted();
};

export const fileResources = [
  // Only in the simulator: accepts a body of any size, even above nginx's limit, and responds with its length and hash.
  resource(
    'SimulatedUploadHandler',
    'files/sim-upload/?',
    { PUT: ({ bodyLength, bodySha256 }) => json({ bytes: bodyLength, sha256: bodySha256 }) },
    { stream: () => createHash('sha256'), unlimited: true },
  ),
  resource(
    'FilesHandler',
    'files/',
    {
      GET: list,
      POST: upload,
      'GET get': download,
      'GET get_by_key': byKey,
      DELETE: (call) => remove(call, mandatory(call.query, 'filename')),
    },
    { anonymous: { 'GET get_by_key': byKey } },
  ),
  resource('FileHandler', 'files/{filename+}/', { GET: asJson, DELETE: (call) => remove(call, param(call)) }),
];
