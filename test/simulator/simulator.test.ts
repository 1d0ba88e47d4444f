// The small MAAS by itself: what the recordings do not show, and what it does for tests (faults, slots, transfers).
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { Agent, request as send, type ClientRequest, type IncomingMessage } from 'node:http';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { request as sendTls } from 'node:https';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { test, type TestContext } from 'node:test';
import {
  DEMO_SESSIONS,
  simulatedFileSha256,
  startSimulator,
  type Simulator,
  type SimulatorOptions,
} from '../../src/simulator/simulator.ts';

const FORM = 'application/x-www-form-urlencoded';
const MIB = 2 ** 20;

async function start(t: TestContext, options: SimulatorOptions = {}): Promise<Simulator> {
  const simulator = await startSimulator({ machines: 8, ...options });
  t.after(() => simulator.close());
  return simulator;
}

function sign(key: string, changes: Record<string, string> = {}): string {
  const [consumer = '', token = '', secret = ''] = key.split(':');
  const parameters = {
    oauth_version: '1.0',
    oauth_signature_method: 'PLAINTEXT',
    oauth_consumer_key: consumer,
    oauth_token: token,
    oauth_signature: `%26${secret}`,
    oauth_nonce: randomBytes(16).toString('hex'),
    oauth_timestamp: `${Math.floor(Date.now() / 1000)}`,
    ...changes,
  };
  return `OAuth ${Object.entries(parameters)
    .map(([name, value]) => `${name}="${value}"`)
    .join(', ')}`;
}

interface Ask {
  headers?: Record<string, string>;
  body?: string | Buffer | Readable;
  type?: string;
  key?: string | null;
  agent?: Agent;
}

interface Got {
  status: number;
  headers: IncomingMessage['headers'];
  body: Buffer;
  text: string;
  json: () => unknown;
}

/** One request below /MAAS/api/2.0, signed as admin unless told otherwise. */
async function ask(simulator: Simulator, method: string, target: string, options: Ask = {}): Promise<Got> {
  const { body, type, key = simulator.adminKey } = options;
  const headers = {
    ...(key !== null && { Authorization: sign(key) }),
    ...(type !== undefined && { 'Content-Type': type }),
    ...options.headers,
  };
  const full = target.startsWith('/MAAS') ? target : `/MAAS/api/2.0/${target}`;
  const request = send(simulator.url, { method, path: full, headers, agent: options.agent ?? false });
  if (body instanceof Readable) body.pipe(request);
  else request.end(body);
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  const chunks = (await response.toArray()) as Buffer[];
  const whole = Buffer.concat(chunks);
  const { statusCode: status = 0, headers: got } = response;
  return { status, headers: got, body: whole, text: whole.toString(), json: () => JSON.parse(whole.toString()) };
}

const part = (disposition: string, value: string) =>
  `--b\r\nContent-Disposition: form-data; ${disposition}\r\n\r\n${value}\r\n--b--\r\n`;
const MULTIPART = 'multipart/form-data; boundary=b';

test('all spellings of an operation that MAAS knows reach it, and the others do not', async (t) => {
  const simulator = await start(t);
  const reads = [
    'users/?op=whoami',
    'users/?op=x&op=whoami',
    'users/?%6fp=whoami',
    'users/?op=%77hoami',
    '%75sers/?op=whoami',
    '/MAAS//api/2.0//users//?op=whoami',
    'users/op-whoami',
    'users/?op=&x=1&op=whoami',
  ];
  for (const target of reads) {
    assert.equal((await ask(simulator, 'GET', target)).status, 200, target);
    assert.equal(simulator.received.at(-1)?.operation, 'GET users whoami', target);
  }

  const machine = 'machines/m00001/';
  const writes: [target: string, type: string, body: string][] = [
    [`${machine}?op=mark_broken`, FORM, ''],
    [machine, FORM, 'op=mark_broken'],
    [machine, FORM, 'o%70=mark_broken'],
    [`${machine}?op=`, FORM, 'op=mark_broken'],
    [`${machine}op-mark_broken`, FORM, ''],
    [machine, MULTIPART, part('name="op"', 'mark_broken')],
    [machine, MULTIPART, part('name=op', 'mark_broken')],
    [machine, MULTIPART, part("name*=utf-8''op", 'mark_broken')],
  ];
  for (const [target, type, body] of writes) {
    assert.equal((await ask(simulator, 'POST', target, { type, body })).status, 200, target + body);
    assert.equal(simulator.received.at(-1)?.operation, 'POST machines/{system_id} mark_broken', target + body);
  }

  const misses: [method: string, target: string, type: string, body: string, status: number][] = [
    ['GET', 'users/op-whoami/', FORM, '', 404],
    ['GET', 'users', FORM, '', 404],
    ['GET', 'zones/../users/', FORM, '', 404],
    ['POST', `${machine}?x=1;op=mark_broken`, FORM, '', 400],
    ['POST', machine, MULTIPART, part('name="op"; filename="f"', 'mark_broken'), 400],
    ['POST', machine, 'application/json', '{"op": "mark_broken"}', 400],
    ['POST', `${machine}?op=mark_broken&op=nope`, FORM, '', 400],
  ];
  for (const [method, target, type, body, status] of misses) {
    assert.equal((await ask(simulator, method, target, { type, body })).status, status, target + body);
    assert.doesNotMatch(simulator.received.at(-1)?.operation ?? '', / (whoami|mark_broken)$/, target + body);
  }
});

test('a signature is refused in the words of MAAS', async (t) => {
  const simulator = await start(t);
  const signed = (changes: Record<string, string>) =>
    ask(simulator, 'GET', 'users/?op=whoami', {
      key: null,
      headers: { Authorization: sign(simulator.adminKey, changes) },
    });

  assert.equal((await signed({ oauth_nonce: 'once' })).status, 200);
  assert.equal((await signed({ oauth_nonce: 'once' })).text, "Authorization Error: 'Nonce already used: once'");
  // A part with these letters is dropped, so the nonce is missing.
  assert.match((await signed({ oauth_nonce: 'myrealm' })).text, /Parameter not found: oauth_nonce/);
  assert.equal((await signed({ oauth_nonce: 'n'.repeat(256) })).status, 500);
  assert.equal((await signed({ oauth_nonce: 'n'.repeat(255) })).status, 200);
  const secret = simulator.adminKey.split(':')[2];
  assert.ok((await signed({ oauth_signature: '%26wrong' })).text.includes(`base string: &${secret}'`));
  assert.equal((await signed({ oauth_signature: `&${secret}` })).status, 200, 'the & may stay as it is');
  const disabled = await ask(simulator, 'GET', 'users/', { key: simulator.disabledKey });
  assert.equal(disabled.status, 403);
});

test('a clock that is ahead shows in Date and refuses what was signed now', async (t) => {
  const simulator = await start(t, { clockOffset: 1000 });
  const answer = await ask(simulator, 'GET', 'users/');
  assert.match(answer.text, /Expired timestamp: given \d+ and now \d+ has/);
  assert.ok(Math.abs(Date.parse(answer.headers.date ?? '') - Date.now() - 1_000_000) < 5000);
});

test('what outranks the signature in MAAS does so here', async (t) => {
  const simulator = await start(t);
  const cookie = { Cookie: `a=b; sessionid=${DEMO_SESSIONS.bob}` };
  await ask(simulator, 'GET', 'users/', { headers: cookie });
  assert.equal(simulator.received.at(-1)?.user, 'bob');
  await ask(simulator, 'GET', 'users/', { headers: { Cookie: 'sessionid=unknown' } });
  assert.equal(simulator.received.at(-1)?.user, 'admin');
  const post = await ask(simulator, 'POST', 'zones/', { headers: cookie, type: FORM, body: 'name=z' });
  assert.equal(post.status, 403);

  const [consumer, token, secret] = simulator.userKey.split(':');
  await ask(
    simulator,
    'GET',
    `users/?oauth_consumer_key=${consumer}&oauth_token=${token}&oauth_signature=%26${secret}`,
  );
  assert.equal(simulator.received.at(-1)?.user, 'bob');
  const form = await ask(simulator, 'POST', 'zones/', { type: FORM, body: 'name=z&oauth_nonce=1' });
  assert.equal(form.status, 500);
});

test('operations that read forms ignore JSON without a word', async (t) => {
  const simulator = await start(t);
  const json = (target: string, body: object) =>
    ask(simulator, 'POST', target, { type: 'application/json', body: JSON.stringify(body) });
  const form = (target: string, body: string) => ask(simulator, 'POST', target, { type: FORM, body });

  await json('machines/m00001/?op=power_off', { stop_mode: 'soft' });
  assert.equal(simulator.machine('m00001')?.stopMode, 'hard');
  await form('machines/m00001/?op=power_off', 'stop_mode=soft');
  assert.equal(simulator.machine('m00001')?.stopMode, 'soft');
  await json('machines/m00002/?op=deploy', { distro_series: 'jammy' });
  assert.equal(simulator.machine('m00002')?.distroSeries, 'noble');
  await form('machines/m00004/?op=deploy', 'distro_series=jammy');
  assert.equal(simulator.machine('m00004')?.distroSeries, 'jammy');
  assert.deepEqual((await json('tags/virtual/?op=update_nodes', { add: 'm00001' })).json(), { added: 0, removed: 0 });
  assert.equal((await json('machines/?op=allocate', {})).status, 500);
  assert.equal((await form('machines/?op=allocate', 'dry_run=true')).status, 200);
});

const fields = (many: number) => Array.from({ length: many }, (_, index) => `f${index}=`).join('&');

test('the limits of nginx and Django hold', async (t) => {
  const simulator = await start(t);
  const large = Buffer.alloc(10 * MIB + 1);
  const announced = await ask(simulator, 'POST', 'zones/', { type: FORM, body: large });
  assert.equal(announced.status, 413);
  assert.match(announced.text, /Request Entity Too Large/);
  const chunked = { type: FORM, body: Readable.from([large]), headers: { 'Transfer-Encoding': 'chunked' } };
  assert.equal((await ask(simulator, 'POST', 'zones/', chunked)).status, 413);
  assert.equal((await ask(simulator, 'POST', 'zones/', { type: FORM, body: `name=a&${fields(999)}` })).status, 200);
  assert.equal((await ask(simulator, 'POST', 'zones/', { type: FORM, body: `name=b&${fields(1000)}` })).status, 400);
  assert.equal((await ask(simulator, 'GET', `users/?${fields(1001)}`)).status, 400);
});

test('JSONP, other formats, encoded slashes and paths without a slash', async (t) => {
  const simulator = await start(t);
  assert.match((await ask(simulator, 'GET', 'zones/?callback=f')).text, /^f\(\[[^]*\]\)$/);
  // The format is looked at when the zone is already made.
  const made = await ask(simulator, 'POST', 'zones/?format=xml', { type: FORM, body: 'name=x' });
  assert.equal(made.status, 400);
  assert.equal((await ask(simulator, 'GET', 'zones/x/')).status, 200);
  assert.equal((await ask(simulator, 'GET', 'subnets/10.0.0.0%2F24/')).status, 200);
  assert.equal((await ask(simulator, 'GET', 'scripts/smartctl-validate')).status, 200);
  assert.equal((await ask(simulator, 'GET', 'scripts/smartctl-validate?op=download')).text, '#!/bin/bash\nexit 0\n');
  assert.equal((await ask(simulator, 'GET', 'scripts/smartctl-validate/op-download')).status, 404);
  assert.equal((await ask(simulator, 'GET', 'scripts/smartctl-validate/')).status, 404);
});

test('a subnet is reached by each name that MAAS has for it, and an op by its own route alone', async (t) => {
  const simulator = await start(t);
  const form = { type: FORM, body: 'cidr=10.66.0.0/24&name=p1' };
  const { id } = (await ask(simulator, 'POST', 'subnets/', form)).json() as { id: number };
  const names = [`${id}`, 'p1', '10.66.0.0/24', '10.66.0.0%2F24', `id:${id}`, 'name:p1', 'cidr:10.66.0.0/24'];
  for (const name of names) {
    assert.equal((await ask(simulator, 'GET', `subnets/${name}/`)).status, 200, name);
    assert.equal((await ask(simulator, 'GET', `subnets/${name}/op-reserved_ip_ranges`)).status, 200, name);
    assert.equal((await ask(simulator, 'GET', `subnets/${name}/op-reserved_ip_ranges/`)).status, 404, name);
    assert.equal((await ask(simulator, 'GET', `subnets/${name}/op-nope`)).status, 404, name);
  }
  for (const name of ['10.66.0.0/8', 'p1/x', '10.66.0.0/24/x']) {
    assert.equal((await ask(simulator, 'GET', `subnets/${name}/`)).status, 404, name);
  }
  assert.equal((await ask(simulator, 'DELETE', 'subnets/cidr:10.66.0.0/24/')).status, 204);
  assert.equal((await ask(simulator, 'GET', 'subnets/p1/')).status, 404);
  // A script may be called that: the op is looked for in its name, and there is none such.
  assert.equal((await ask(simulator, 'DELETE', 'scripts/op-x')).status, 400);
});

test('describe and openapi are as large as those of MAAS and name addresses as MAAS does', async (t) => {
  const simulator = await start(t, { machines: 200 });
  const described = await ask(simulator, 'GET', 'describe/', { key: null, headers: { Host: 'proxy.example:8240' } });
  assert.ok(described.body.length > 300_000);
  const { handlers } = described.json() as { handlers: { uri: string; path: string }[] };
  for (const one of handlers) assert.equal(one.uri, `http://proxy.example:8240${one.path}`);
  const openapi = await ask(simulator, 'GET', 'openapi.yaml', { key: null });
  assert.ok(openapi.body.length > 300_000);
  assert.ok(
    openapi.text.endsWith(`servers:\n- description: MAAS simulator API\n  url: ${simulator.url}/MAAS/api/2.0/\n`),
  );
  const { length } = (await ask(simulator, 'GET', 'machines/')).body;
  assert.ok(length > 800_000 && length < 1_000_000, `${length} bytes`);
});

test('chunks of a boot resource append, and a chunk sent twice is found out', async (t) => {
  const simulator = await start(t);
  const image = randomBytes(3000);
  const sha256 = createHash('sha256').update(image).digest('hex');
  async function announce(): Promise<string> {
    const body = `name=custom&architecture=amd64%2Fgeneric&sha256=${sha256}&size=${image.length}`;
    const created = await ask(simulator, 'POST', 'boot-resources/', { type: FORM, body });
    assert.equal(created.status, 201);
    return /"upload_uri": "([^"]+)"/.exec(created.text)?.[1] ?? '';
  }
  const put = async (uri: string, chunk: Buffer) =>
    (await ask(simulator, 'PUT', uri, { body: chunk, type: 'application/octet-stream' })).text;

  const uri = await announce();
  assert.equal(await put(uri, image.subarray(0, 2000)), 'OK');
  assert.equal(await put(uri, image.subarray(2000)), 'OK');
  const { text } = await ask(simulator, 'GET', uri.replace(/upload.*/, ''));
  assert.match(text, /"complete": true/);
  assert.equal(await put(uri, image), 'Cannot upload to a complete file.');

  const twice = await announce();
  assert.equal(await put(twice, image.subarray(0, 1500)), 'OK');
  assert.equal(await put(twice, image.subarray(0, 1500)), 'Saved content does not match given SHA256 value.');
  assert.equal(await put(twice, image.subarray(0, 1501)), 'Too much data received.');
});

test('transfers of any size: bytes that can be checked, both ways', async (t) => {
  const simulator = await start(t);
  const download = await ask(simulator, 'GET', 'files/?op=get&filename=sim-3MiB.bin');
  assert.equal(download.headers['content-length'], `${3 * MIB}`);
  assert.equal(createHash('sha256').update(download.body).digest('hex'), simulatedFileSha256(3));
  assert.notEqual(
    simulatedFileSha256(1),
    createHash('sha256')
      .update(download.body.subarray(MIB, 2 * MIB))
      .digest('hex'),
  );

  const sent = randomBytes(11 * MIB);
  const sha256 = createHash('sha256').update(sent).digest('hex');
  const upload = await ask(simulator, 'PUT', 'files/sim-upload', { body: sent });
  assert.deepEqual(upload.json(), { bytes: sent.length, sha256 });
  const received = simulator.received.at(-1);
  assert.equal(received?.sha256, sha256);
  assert.equal(received?.body.length, MIB);
  assert.ok(received?.body.equals(sent.subarray(0, MIB)));
});

test('planned faults strike once, and only where they are planned', async (t) => {
  const simulator = await start(t);
  const { faults } = simulator;
  faults.next('GET /zones/', { kind: 'status', status: 503, headers: { 'Retry-After': '1' }, body: 'busy' });
  assert.equal((await ask(simulator, 'GET', 'users/')).status, 200);
  const busy = await ask(simulator, 'GET', 'zones/');
  assert.deepEqual([busy.status, busy.headers['retry-after'], busy.text], [503, '1', 'busy']);
  assert.equal((await ask(simulator, 'GET', 'zones/')).status, 200);
  assert.equal(faults.struck, 1);

  faults.next('*', { kind: 'reset' });
  await assert.rejects(ask(simulator, 'POST', 'zones/', { type: FORM, body: 'name=a' }), { code: 'ECONNRESET' });
  faults.next('*', { kind: 'cut', when: 'before-headers' });
  await assert.rejects(ask(simulator, 'POST', 'zones/', { type: FORM, body: 'name=a' }), /socket hang up/);
  assert.equal((await ask(simulator, 'GET', 'zones/a/')).status, 404, 'it has not run');
  faults.next('POST /zones/', { kind: 'cut', when: 'in-body', afterBytes: 5 });
  await assert.rejects(ask(simulator, 'POST', 'zones/', { type: FORM, body: 'name=a' }), /aborted/);
  assert.equal((await ask(simulator, 'GET', 'zones/a/')).status, 200, 'it has run');
  faults.next('GET /files/?op=get', { kind: 'cut', when: 'in-body', afterBytes: 2 * MIB });
  await assert.rejects(ask(simulator, 'GET', 'files/?op=get&filename=sim-3MiB.bin'), /aborted/);
  assert.ok(simulator.received.every((request) => !request.aborted));
});

test('a stalled answer stays so until the client goes', async (t) => {
  const simulator = await start(t);
  for (const when of ['before-headers', 'in-body'] as const) {
    simulator.faults.next('*', { kind: 'stall', when });
    const arrived = simulator.nextRequest();
    const headers = { Authorization: sign(simulator.adminKey) };
    const request = send(simulator.url, { path: '/MAAS/api/2.0/users/', headers, agent: false });
    request.on('error', () => {});
    request.end();
    const received = await arrived;
    if (when === 'in-body') await once(request, 'response');
    request.destroy();
    await simulator.idle();
    assert.equal(received.aborted, true);
    assert.equal(received.status, when === 'in-body' ? 200 : null);
  }
  assert.equal(simulator.inFlight(), 0);
});

test('drop-idle ends a connection that was promised to live', async (t) => {
  const simulator = await start(t);
  const agent = new Agent({ keepAlive: true });
  t.after(() => agent.destroy());
  simulator.faults.next('*', { kind: 'drop-idle' });
  const answer = await ask(simulator, 'GET', 'users/', { agent });
  assert.equal(answer.headers.connection, 'keep-alive');
  await simulator.idle();
  assert.equal(simulator.connections(), 0);
});

test('random faults are the same for the same seed', async (t) => {
  const simulator = await start(t);
  async function outcomes(seed: number): Promise<string> {
    simulator.faults.random({ seed, cut: 0.2, reset: 0.2, delay: 0.2, maxDelayMs: 2 });
    let line = '';
    for (let index = 0; index < 40; index += 1) {
      line += await ask(simulator, 'GET', 'users/').then(
        () => '.',
        () => 'x',
      );
    }
    return line;
  }
  const first = await outcomes(7);
  assert.equal(await outcomes(7), first);
  assert.notEqual(await outcomes(8), first);
  assert.match(first, /x/);
  assert.match(first, /\./);
  simulator.faults.clear();
  assert.equal((await ask(simulator, 'GET', 'users/')).status, 200);
});

test('only so many requests are worked on at once, and the rest wait in line', async (t) => {
  const simulator = await start(t, { slots: 3, delays: { 'GET /users/': 10 } });
  const answers = await Promise.all(Array.from({ length: 10 }, () => ask(simulator, 'GET', 'users/')));
  assert.ok(answers.every(({ status }) => status === 200));
  assert.equal(simulator.peak, 3);

  simulator.clear();
  simulator.faults.next('*', { kind: 'stall', when: 'before-headers' }, 3);
  function open(): ClientRequest {
    const request = send(`${simulator.url}/MAAS/api/2.0/version/`, { agent: false });
    request.on('error', () => {});
    return request.end();
  }
  const stalled: ClientRequest[] = [];
  for (let index = 0; index < 3; index += 1) {
    const arrived = simulator.nextRequest();
    stalled.push(open());
    await arrived;
  }
  const arrived = simulator.nextRequest();
  const response = once(open(), 'response');
  await arrived;
  assert.equal(simulator.inFlight(), 3);
  // One leaves, and the fourth has its turn.
  stalled[0]?.destroy();
  const [answer] = (await response) as [IncomingMessage];
  assert.equal(answer.statusCode, 200);
  answer.resume();
  for (const request of stalled) request.destroy();
  await simulator.idle();
  assert.equal(simulator.peak, 3);
});

test('clear puts everything back, and close ends what is open', async (t) => {
  const simulator = await start(t);
  await ask(simulator, 'POST', 'zones/', { type: FORM, body: 'name=a' });
  await ask(simulator, 'DELETE', 'machines/m00001/');
  simulator.faults.next('*', { kind: 'reset' });
  simulator.clear();
  assert.equal(simulator.received.length, 0);
  assert.equal((await ask(simulator, 'GET', 'zones/a/')).status, 404);
  assert.equal((await ask(simulator, 'GET', 'machines/m00001/')).status, 200);

  simulator.faults.next('*', { kind: 'stall', when: 'before-headers' });
  const arrived = simulator.nextRequest();
  const stalled = ask(simulator, 'GET', 'users/');
  await arrived;
  await Promise.all([simulator.close(), assert.rejects(stalled)]);
});

test('a client that breaks off while sending is logged, and nothing has run', async (t) => {
  const simulator = await start(t);
  const arrived = simulator.nextRequest();
  const socket = connect(simulator.port, '127.0.0.1');
  const head = `POST /MAAS/api/2.0/zones/ HTTP/1.1\r\nHost: maas\r\nAuthorization: ${sign(simulator.adminKey)}\r\n`;
  socket.write(`${head}Content-Type: ${FORM}\r\nContent-Length: 100\r\n\r\nname=half`);
  const received = await arrived;
  socket.destroy();
  await simulator.idle();
  assert.equal(received.complete, false);
  assert.equal(received.status, null);
  assert.equal((await ask(simulator, 'GET', 'zones/half/')).status, 404);
});

test('the plain port of a MAAS with TLS sends away everything but machines', async (t) => {
  const simulator = await start(t, { plainPortRedirectsTo: 'https://maas.example:5443' });
  const users = await ask(simulator, 'GET', 'users/?op=whoami');
  assert.equal(users.status, 301);
  assert.equal(users.headers.location, 'https://maas.example:5443/MAAS/api/2.0/users/?op=whoami');
  assert.equal((await ask(simulator, 'GET', 'machines/')).status, 200);
});

test('it serves https, and a fault resets the TCP connection below', async (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'simulator-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const [key, cert] = [path.join(folder, 'key.pem'), path.join(folder, 'cert.pem')];
  const selfSigned = 'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost';
  const files = ['-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', key, '-out', cert];
  const made = spawnSync('openssl', [...selfSigned.split(' '), ...files]);
  if (made.status !== 0) {
    t.skip('no openssl to make a certificate with');
    return;
  }
  const pem = { cert: readFileSync(cert, 'utf8'), key: readFileSync(key, 'utf8') };
  const simulator = await start(t, { tls: pem });
  async function get(): Promise<IncomingMessage> {
    const target = `${simulator.url}/MAAS/api/2.0/describe/`;
    const request = sendTls(target, { ca: pem.cert, agent: false }).end();
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    return response;
  }
  const answer = await get();
  assert.ok(answer.headers['strict-transport-security']);
  assert.ok(
    Buffer.concat((await answer.toArray()) as Buffer[]).includes(`"uri":"${simulator.url}/MAAS/api/2.0/users/"`),
  );
  simulator.faults.next('*', { kind: 'reset' });
  await assert.rejects(get(), { code: 'ECONNRESET' });
});

test('credentials can be minted, used and deleted', async (t) => {
  const simulator = await start(t);
  const minted = await ask(simulator, 'POST', 'account/?op=create_authorisation_token', { type: FORM, body: 'name=n' });
  const { consumer_key, token_key, token_secret } = minted.json() as Record<string, string>;
  const key = `${consumer_key}:${token_key}:${token_secret}`;
  assert.match(key, /^\w{18}:\w{18}:\w{32}$/);
  assert.equal((await ask(simulator, 'GET', 'users/?op=whoami', { key })).status, 200);
  assert.ok((await ask(simulator, 'GET', 'account/?op=list_authorisation_tokens')).text.includes(key));
  const body = `token_key=${token_key}`;
  await ask(simulator, 'POST', 'account/?op=delete_authorisation_token', { type: FORM, body });
  assert.equal((await ask(simulator, 'GET', 'users/?op=whoami', { key })).status, 401);
});

test('a machine may enlist itself without a signature, and only that', async (t) => {
  const simulator = await start(t);
  const body = 'architecture=amd64%2Fgeneric&mac_addresses=52:54:00:00:00:01&power_type=manual';
  assert.equal((await ask(simulator, 'POST', 'machines/', { key: null, type: FORM, body })).status, 200);
  assert.equal(simulator.received.at(-1)?.user, null);
  assert.equal((await ask(simulator, 'GET', 'machines/m00001/', { key: null })).status, 401);
  const registered = await ask(simulator, 'GET', 'machines/?op=is_registered&mac_address=52:54:00:00:00:01', {
    key: null,
  });
  assert.equal(registered.text, 'true');
});
