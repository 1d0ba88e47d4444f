// Holds the small MAAS against what real MAAS servers said: every recorded exchange is sent to it again, and the
// answers are compared in status, headers and shape of body.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { request as send } from 'node:http';
import path from 'node:path';
import { test } from 'node:test';
import { startSimulator, type Simulator } from '../../src/simulator/simulator.ts';

interface Exchange {
  name: string;
  request: {
    method: string;
    path: string;
    headers: Record<string, string>;
    body: string | null;
    signature: string;
  };
  response: { status: number; headers: [string, string][]; body: string; truncated: boolean };
}

/** How many exchanges each recording holds: with fewer, this test would prove less than it says. */
const AT_LEAST = 81;
/** Objects whose keys users make up. */
const FREE_KEYS = new Set(['owner_data', 'workload_annotations']);

const COMPARED = ['content-type', 'vary', 'x-frame-options', 'allow', 'www-authenticate', 'location', 'connection'];

for (const version of ['3.7.3', '3.4.10'] as const) {
  test(`the small MAAS answers as MAAS ${version} was seen to`, async (t) => {
    const file = path.resolve(`test/recordings/maas-${version}.json`);
    const { exchanges } = JSON.parse(readFileSync(file, 'utf8')) as { exchanges: Exchange[] };
    const simulator = await startSimulator({ version });
    t.after(() => simulator.close());
    const replay = createReplay(simulator);

    let replayed = 0;
    for (const exchange of exchanges) {
      const answer = await replay(exchange);
      compare(exchange, answer, simulator);
      replayed += 1;
    }
    t.diagnostic(`${replayed} of ${exchanges.length} exchanges of MAAS ${version} were replayed`);
    assert.ok(replayed >= AT_LEAST, `only ${replayed} exchanges were replayed`);
  });
}

interface Answer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: Buffer;
}

const field = (text: string, name: string): string => (JSON.parse(text) as Record<string, string>)[name] ?? '';

/** Sends recorded requests in order, with names that the recorded server made up replaced by this server's. */
function createReplay(simulator: Simulator): (exchange: Exchange) => Promise<Answer> {
  const renamed = new Map<string, string>();
  let lastNonce = '';
  const rename = (text: string) => [...renamed].reduce((all, [from, to]) => all.replaceAll(from, to), text);

  return async (exchange) => {
    const { method, headers, signature } = exchange.request;
    const body = Buffer.from(rename(bodyOf(exchange)), 'latin1');
    const nonce = signature === 'nonce used before' ? lastNonce : randomBytes(16).toString('hex');
    lastNonce = nonce;
    const authorization = authorizationFor(signature, nonce, simulator);
    const answer = await new Promise<Answer>((resolve, reject) => {
      const options = {
        host: '127.0.0.1',
        port: simulator.port,
        method,
        path: rename(exchange.request.path),
        headers: { ...headers, ...(authorization && { Authorization: authorization }), 'Content-Length': body.length },
      };
      const request = send(options, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => {
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) });
        });
      });
      request.on('error', reject);
      request.end(body);
    });

    if (exchange.name === 'create machine') {
      renamed.set(field(exchange.response.body, 'system_id'), field(answer.body.toString(), 'system_id'));
    }
    if (exchange.name === 'mint a token (credential)') {
      renamed.set('<new token_key>', field(answer.body.toString(), 'token_key'));
    }
    return answer;
  };
}

/** One recorded body was left out for its length: the upload of a file of 2048 bytes, all values eight times. */
function bodyOf({ name, request: { body } }: Exchange): string {
  if (name !== 'upload file') return body ?? '';
  const content = Buffer.alloc(2048, Buffer.from(Array.from({ length: 256 }, (_, value) => value))).toString('latin1');
  return [
    '------b\r\nContent-Disposition: form-data; name="filename"\r\n\r\nrec.bin\r\n',
    '------b\r\nContent-Disposition: form-data; name="file"; filename="rec.bin"\r\n',
    `Content-Type: application/octet-stream\r\n\r\n${content}\r\n------b--\r\n`,
  ].join('');
}

function authorizationFor(signature: string, nonce: string, simulator: Simulator): string | undefined {
  if (signature === 'none') return undefined;
  if (signature === 'Bearer abc') return signature;
  let [consumer, token, secret] = (signature === 'valid, plain user' ? simulator.userKey : simulator.adminKey).split(
    ':',
  );
  let timestamp = `${Math.floor(Date.now() / 1000)}`;
  let scheme = 'OAuth';
  switch (signature) {
    case 'valid':
    case 'valid, plain user':
    case 'nonce used before':
      break;
    case 'scheme oauth':
      scheme = 'oauth';
      break;
    case 'unknown consumer':
      consumer = 'A'.repeat(18);
      break;
    case 'unknown token':
      token = 'B'.repeat(18);
      break;
    case 'wrong secret':
      secret = 'C'.repeat(32);
      break;
    case '302 s in the past':
      timestamp = `${Number(timestamp) - 302}`;
      break;
    case '1 day ahead':
      timestamp = `${Number(timestamp) + 86_400}`;
      break;
    case 'timestamp abc':
      timestamp = 'abc';
      break;
    default:
      assert.fail(`a signature that this test does not know: ${signature}`);
  }
  return (
    `${scheme} oauth_version="1.0", oauth_signature_method="PLAINTEXT", oauth_consumer_key="${consumer}", ` +
    `oauth_token="${token}", oauth_signature="%26${secret}", oauth_nonce="${nonce}", oauth_timestamp="${timestamp}"`
  );
}

function compare({ name, request, response }: Exchange, answer: Answer, simulator: Simulator): void {
  const recorded = new Map(response.headers.map(([header, value]) => [header.toLowerCase(), value]));
  assert.equal(answer.status, response.status, `${name}: status`);
  for (const header of COMPARED) assert.equal(answer.headers[header], recorded.get(header), `${name}: ${header}`);
  // The hash is the real one; lengths differ with the content, but must be there.
  assert.equal(answer.headers['x-maas-api-hash'], recorded.get('x-maas-api-hash'), `${name}: API hash`);
  for (const header of ['content-length', 'transfer-encoding']) {
    assert.equal(answer.headers[header] === undefined, !recorded.has(header), `${name}: ${header} there or not`);
  }
  if (request.method === 'HEAD') return;

  const text = answer.body.toString('utf8');
  if (name === 'download file') {
    assert.equal(`${answer.body.length}`, recorded.get('content-length'), `${name}: length`);
  } else if (recorded.get('content-type')?.startsWith('application/json')) {
    const shape = JSON.parse(response.truncated ? repaired(response.body) : response.body) as unknown;
    sameShape(shape, JSON.parse(text) as unknown, name, response.truncated);
    // Whether the text is indented, and by how much.
    if (text.length > 2 && response.body.length > 2)
      assert.equal(indent(text), indent(response.body), `${name}: indent`);
  } else if (response.truncated) {
    assert.deepEqual(topLevel(text), topLevel(response.body), `${name}: top level keys`);
  } else {
    assert.equal(constant(text, simulator), constant(response.body, simulator), `${name}: text`);
  }
}

const topLevel = (yaml: string) => [...yaml.matchAll(/^(\w+):/gm)].map(([, key]) => key).slice(0, 4);
const indent = (text: string): string => /^[[{]\n?( *)/.exec(text)?.[0] ?? '';

/** The text without what differs from run to run. */
function constant(text: string, simulator: Simulator): string {
  return text
    .replaceAll(simulator.adminKey.split(':')[2] ?? '', '<secret of admin>')
    .replaceAll(/\b\d{10}\b/g, '<time>')
    .replaceAll(/\b[0-9a-f]{32}\b/g, '<nonce>');
}

/** JSON whose end was cut off, closed behind its last whole value. */
function repaired(text: string): string {
  const open: string[] = [];
  let quoted = false;
  let whole = '';
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at] ?? '';
    if (quoted) {
      if (character === '\\') at += 1;
      else if (character === '"') quoted = false;
      continue;
    }
    if (character === '"') quoted = true;
    else if (character === '{') open.push('}');
    else if (character === '[') open.push(']');
    else if (character === '}' || character === ']') open.pop();
    if (',}]'.includes(character)) {
      whole = text.slice(0, character === ',' ? at : at + 1) + open.toReversed().join('');
    }
  }
  return whole;
}

/**
 * Same keys and types, all the way down. Null goes with anything, the elements of an empty list too, and an object that
 * may have been cut short need only be a part of ours.
 */
function sameShape(recorded: unknown, ours: unknown, where: string, partial: boolean): void {
  if (recorded === null || ours === null) return;
  if (Array.isArray(recorded)) {
    assert.ok(Array.isArray(ours), `${where}: a list`);
    for (const item of recorded) if (ours.length > 0) sameShape(item, ours[0], `${where}[]`, partial);
    return;
  }
  assert.equal(typeof ours, typeof recorded, `${where}: type`);
  if (typeof recorded !== 'object') return;
  const [theirs, mine] = [recorded as Record<string, unknown>, ours as Record<string, unknown>];
  const keys = Object.keys(theirs).toSorted();
  if (!partial) assert.deepEqual(Object.keys(mine).toSorted(), keys, `${where}: keys`);
  for (const key of keys) {
    assert.ok(key in mine, `${where}.${key} is missing`);
    if (!FREE_KEYS.has(key)) sameShape(theirs[key], mine[key], `${where}.${key}`, partial);
  }
}
