import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { test, type TestContext } from 'node:test';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { startSimulator, type Simulator } from '../../src/simulator/simulator.ts';
import { startOrigin, type Origin } from '../support/origin.ts';
import { needProgram } from '../support/programs.ts';
import { startTestProxy, type TestProxy } from '../support/proxy.ts';
import { connectRaw, sendRaw } from '../support/raw.ts';
import { send } from '../support/request.ts';

const run = promisify(execFile);
const formType = 'application/x-www-form-urlencoded';

async function start(t: TestContext, flags: string[] = []): Promise<{ origin: Origin; proxy: TestProxy }> {
  const origin = await startOrigin(t);
  return { origin, proxy: await startTestProxy(t, origin.url, { flags }) };
}

/** A small MAAS with one machine, and a proxy before it. */
async function startMaas(t: TestContext, flags: string[] = []): Promise<{ maas: Simulator; proxy: TestProxy }> {
  const maas = await startSimulator({ machines: 2 });
  t.after(() => maas.close());
  return { maas, proxy: await startTestProxy(t, maas.url, { key: maas.adminKey, flags }) };
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) {
  test(`the body of a ${method} passes byte for byte, with its length`, async (t) => {
    const { origin, proxy } = await start(t);
    const body = randomBytes(100_001);
    const headers = { 'Content-Type': 'image/x-ours', 'Content-Length': String(body.length) };
    assert.equal((await send(`${proxy.url}/files/`, { method, body, headers })).status, 200);
    const { headers: arrived, body: received } = origin.received[0] ?? assert.fail('nothing arrived');
    assert.equal(sha256(received), sha256(body));
    assert.equal(arrived['content-length'], '100001');
    assert.equal(arrived['transfer-encoding'], undefined);
    assert.equal(arrived['content-type'], 'image/x-ours');
  });

  test(`a ${method} whose body comes in chunks arrives with a Content-Length`, async (t) => {
    const { origin, proxy } = await start(t);
    const request = `${method} /files/ HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n`;
    const { head } = await sendRaw(
      t,
      proxy.url,
      `${request}3;x=y\r\nabc\r\n5\r\n\xff\x00\r\n\x80\r\n0\r\nX-Sum: 1\r\n\r\n`,
    );
    assert.match(head, /^HTTP\/1\.1 200 /);
    const { headers, body } = origin.received[0] ?? assert.fail('nothing arrived');
    assert.equal(body.toString('latin1'), 'abc\xff\x00\r\n\x80');
    assert.equal(headers['content-length'], '8');
    assert.equal(headers['transfer-encoding'], undefined);
  });
}

test('a chunked body of nothing arrives as a body of no bytes', async (t) => {
  const { origin, proxy } = await start(t);
  const request = 'POST /files/ HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n';
  const { head } = await sendRaw(t, proxy.url, `${request}0\r\n\r\n`);
  assert.match(head, /^HTTP\/1\.1 200 /);
  assert.equal(origin.received[0]?.headers['content-length'], '0');
});

test('a chunked body of exactly 10 MiB arrives', async (t) => {
  const { origin, proxy } = await start(t);
  const body = randomBytes(10 * 2 ** 20);
  const reply = await send(`${proxy.url}/files/`, {
    method: 'POST',
    body,
    headers: { 'Transfer-Encoding': 'chunked' },
  });
  assert.equal(reply.status, 200);
  assert.equal(sha256(origin.received[0]?.body ?? Buffer.alloc(0)), sha256(body));
});

test('above 10 MiB in chunks the client reads a 413 with a sentence while it is still sending', async (t) => {
  const { origin, proxy } = await start(t);
  const { socket, received, closed, text } = await connectRaw(t, proxy.url);
  socket.write('POST /files/ HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n');
  const chunk = `100000\r\n${'x'.repeat(2 ** 20)}\r\n`;
  let sent = 0;
  // Sends on and on, until the answer is there and a while longer; the answer must not be lost by a reset.
  const sending = (async () => {
    while (sent < 24 && !socket.destroyed) {
      await new Promise<unknown>((resolve) => void socket.write(chunk, resolve));
      sent += 1;
    }
    socket.end('0\r\n\r\n');
  })();
  await received(/"code":"body-too-large"/);
  await sending;
  assert.equal(await closed, 'closed');
  assert.match(text(), /^HTTP\/1\.1 413 /);
  assert.match(text(), /MAAS takes no body above 10 MB/);
  assert.match(text(), /\r\nConnection: close\r\n/);
  assert.equal(origin.received.length, 0);
});

test("above 10 MiB with a length MAAS's own 413 passes", async (t) => {
  const { proxy } = await startMaas(t);
  const body = Buffer.alloc(11 * 2 ** 20);
  const headers = { 'Content-Type': 'application/octet-stream', 'Content-Length': String(body.length) };
  const reply = await send(`${proxy.url}/files/`, { method: 'POST', body, headers });
  assert.equal(reply.status, 413);
  assert.match(reply.body.toString(), /<center>nginx/);
});

test('a JSON body above 10 MiB that would be made a form is 413 with a sentence', async (t) => {
  const { origin, proxy } = await start(t);
  const body = JSON.stringify({ user_data: 'x'.repeat(10 * 2 ** 20) });
  const headers = { 'Content-Type': 'application/json', 'Content-Length': String(body.length) };
  const reply = await send(`${proxy.url}/machines/abc/op-deploy`, { method: 'POST', body, headers });
  assert.equal(reply.status, 413);
  assert.equal(reply.json()['code'], 'body-too-large');
  assert.equal(origin.received.length, 0);
});

for (const [what, json] of [
  ['of 3 MB', JSON.stringify({ user_data: 'x'.repeat(3e6) })],
  ['with more values than MAAS takes', `{"a":[${'1,'.repeat(9e5)}1]}`],
  ['in 900,000 brackets', `{"a":${'['.repeat(9e5)}${']'.repeat(9e5)}}`],
] as const) {
  test(`JSON ${what} is not made a form, and holds nobody up`, async (t) => {
    const { origin, proxy } = await start(t);
    const reply = await send(`${proxy.url}/machines/abc/op-deploy`, {
      method: 'POST',
      body: json,
      headers: { 'Content-Type': 'application/json', 'Content-Length': String(json.length) },
    });
    assert.equal(reply.status, 413);
    assert.equal(reply.json()['code'], 'body-too-large');
    assert.match(String(reply.json()['detail']), /2 MiB and 5,000 values/);
    assert.equal(origin.received.length, 0);
  });
}

/** Sends JSON, and gives what arrived. */
async function postJson(
  { origin, proxy }: { origin: Origin; proxy: TestProxy },
  path: string,
  json: string | Buffer,
  { method = 'POST', type = 'application/json' }: { method?: string; type?: string } = {},
): Promise<{ type: string | undefined; body: string }> {
  const headers = { 'Content-Type': type, 'Content-Length': String(Buffer.byteLength(json)) };
  const reply = await send(proxy.url + path, { method, body: json, headers });
  assert.equal(reply.status, 200, reply.body.toString());
  const arrived = origin.received.at(-1) ?? assert.fail('nothing arrived');
  assert.equal(arrived.headers['content-length'], String(arrived.body.length));
  assert.equal(arrived.rawHeaders.filter((name) => name.toLowerCase() === 'content-type').length, 1);
  return { type: arrived.headers['content-type'], body: arrived.body.toString() };
}

for (const { what, json, form } of [
  {
    what: 'text',
    json: '{"stop_mode": "soft", "comment": "a b&c=d+é☃😀"}',
    form: [
      ['stop_mode', 'soft'],
      ['comment', 'a b&c=d+é☃😀'],
    ],
  },
  {
    what: 'text in escapes',
    json: String.raw`{"comment": "\u00e9\"\\\n\ud83d\ude00"}`,
    form: [['comment', 'é"\\\n😀']],
  },
  {
    what: 'text that looks like a number',
    json: '{"a": "1", "b": "-2.50"}',
    form: [
      ['a', '1'],
      ['b', '-2.50'],
    ],
  },
  {
    what: 'booleans',
    json: '{"managed": false, "force": true}',
    form: [
      ['managed', 'false'],
      ['force', 'true'],
    ],
  },
  {
    what: 'numbers, with the digits that were sent',
    json: '{"a": 9007199254740993, "b": 1.50, "c": -0, "d": 1e3, "e": 1E-7, "f": 0.1, "g": 123456789012345678901234567890}',
    form: [
      ['a', '9007199254740993'],
      ['b', '1.50'],
      ['c', '-0'],
      ['d', '1e3'],
      ['e', '1E-7'],
      ['f', '0.1'],
      ['g', '123456789012345678901234567890'],
    ],
  },
  { what: 'null, which is left out', json: '{"a": null, "b": [null, "x", null]}', form: [['b', 'x']] },
  {
    what: 'an array, as a repeated field',
    json: '{"add": ["abc", "def", 1.0, true]}',
    form: [
      ['add', 'abc'],
      ['add', 'def'],
      ['add', '1.0'],
      ['add', 'true'],
    ],
  },
  { what: 'an empty array, which is left out', json: '{"add": [], "x": ""}', form: [['x', '']] },
  {
    what: 'an object, as its JSON text',
    json: '{"power_parameters": {"power_pass": "p\\"w", "n": 9007199254740993, "x": 1.50, "y": [1.0, null, true], "z": {}}}',
    form: [['power_parameters', '{"power_pass":"p\\"w","n":9007199254740993,"x":1.50,"y":[1.0,null,true],"z":{}}']],
  },
  {
    what: 'an array of objects and arrays, each as its JSON text',
    json: '{"x": [{"a": 1.0}, {"b": "2"}, [1, 2]]}',
    form: [
      ['x', '{"a":1.0}'],
      ['x', '{"b":"2"}'],
      ['x', '[1,2]'],
    ],
  },
  {
    what: 'a name twice, of which the last counts',
    json: '{"a": 1, "b": 2, "a": 3}',
    form: [
      ['a', '3'],
      ['b', '2'],
    ],
  },
  {
    what: 'names that are strange',
    json: '{"__proto__": 1, "": 2, "a b": 3, "toString": 4}',
    form: [
      ['__proto__', '1'],
      ['', '2'],
      ['a b', '3'],
      ['toString', '4'],
    ],
  },
  { what: 'no members', json: '{}', form: [] },
  {
    what: 'an object nested 500 deep',
    json: `{"a":${'[{"b":'.repeat(249)}[1]${'}]'.repeat(249)}}`,
    form: [['a', `${'{"b":['.repeat(248)}{"b":[1]}${']}'.repeat(248)}`]],
  },
  { what: 'spaces around it', json: ' \r\n\t{ "a" : 1 } \n', form: [['a', '1']] },
]) {
  test(`JSON with ${what} arrives as the form that MAAS reads`, async (t) => {
    const arrived = await postJson(await start(t), '/machines/abc/op-power_off', json);
    assert.equal(arrived.type, formType);
    assert.deepEqual([...new URLSearchParams(arrived.body)], form);
  });
}

for (const path of [
  '/machines/abc/op-power_off',
  '/MAAS/api/2.0/machines/abc/op-power_off',
  '/machines/abc/?op=power_off',
  '/machines/abc?op=power_off',
  '/machines/abc/?op=x&op=power_off',
  '/machines/abc/?%6fp=power%5Foff',
  '/machines/?op=allocate',
  '/tags/virtual/?op=update_nodes',
  '/account/prefs/sshkeys/',
  '/account/prefs/sslkeys',
]) {
  test(`JSON for POST ${path} becomes a form`, async (t) => {
    assert.deepEqual(await postJson(await start(t), path, '{"a": "b"}'), { type: formType, body: 'a=b' });
  });
}

test('JSON with a charset behind its type, in other letters, becomes a form', async (t) => {
  const type = 'Application/JSON; charset=utf-8';
  assert.deepEqual(await postJson(await start(t), '/machines/abc/op-lock', '{"a": "b"}', { type }), {
    type: formType,
    body: 'a=b',
  });
});

test('JSON in chunks becomes a form', async (t) => {
  const { origin, proxy } = await start(t);
  const headers = { 'Content-Type': 'application/json', 'Transfer-Encoding': 'chunked' };
  await send(`${proxy.url}/machines/abc/op-lock`, { method: 'POST', headers, body: '{"comment": "x"}' });
  assert.equal(origin.received[0]?.body.toString(), 'comment=x');
  assert.equal(origin.received[0]?.headers['content-length'], '9');
});

for (const [method, path] of [
  ['POST', '/zones/'],
  ['POST', '/machines/'],
  ['POST', '/machines/?op='],
  ['POST', '/op-x'],
  ['PUT', '/machines/abc/'],
  ['PUT', '/zones/default/?op=x'],
  ['DELETE', '/zones/x/'],
] as const) {
  test(`JSON for ${method} ${path}, which MAAS reads itself, stays as it is byte for byte`, async (t) => {
    const json = '{ "name" :\t"x", "n": 1.50, "a": 1, "a": [2] }\n';
    const arrived = await postJson(await start(t), path, json, { method });
    assert.deepEqual(arrived, { type: 'application/json', body: json });
  });
}

test('other types for an operation that reads a form stay as they are, whatever their bytes', async (t) => {
  const started = await start(t);
  for (const type of [
    'text/json',
    'multipart/form-data; boundary=x',
    'application/vnd.api+json',
    'application/octet-stream',
  ]) {
    assert.deepEqual(await postJson(started, '/machines/abc/op-lock', '{"a": 1}', { type }), {
      type,
      body: '{"a": 1}',
    });
  }
});

test(
  'JSON that curl sends as a form becomes a form for an operation that reads forms alone',
  { timeout: 60_000 },
  async (t) => {
    const curl = await needProgram(t, 'curl');
    if (curl === undefined) return;
    const { maas, proxy } = await startMaas(t);
    const { stdout } = await run(curl, [
      '-sS',
      '-d',
      '{"stop_mode": "soft"}',
      `${proxy.url}/machines/m00002/op-power_off`,
    ]);
    assert.match(stdout, /"system_id": "m00002"/);
    assert.equal(maas.machine('m00002')?.stopMode, 'soft');
  },
);

test('JSON that is sent as a form becomes one also under a policy that reads it for its op, and then names none', async (t) => {
  const started = await start(t, ['--policy', 'standard']);
  assert.deepEqual(
    await postJson(started, '/machines/abc/op-lock', ' {"a": "&op=release&b=", "n": 1.50}', { type: formType }),
    {
      type: formType,
      body: 'a=%26op%3Drelease%26b%3D&n=1.50',
    },
  );
});

for (const [what, text, path] of [
  ['a form', 'a=b', '/machines/abc/op-lock'],
  ['a form that begins with a brace', '{a=b&c=d', '/machines/abc/op-lock'],
  ['an array', '[{"a": 1}]', '/machines/abc/op-lock'],
  ['JSON for an operation that reads JSON itself', '{"name": "x"}', '/zones/'],
  ['a form above 2 MiB that begins with a brace', `{${'x'.repeat(2.5e6)}=1`, '/machines/abc/op-lock'],
] as const) {
  test(`${what}, sent as a form, stays as it is`, async (t) => {
    assert.deepEqual(await postJson(await start(t), path, text, { type: formType }), { type: formType, body: text });
  });
}

test('with --no-json-to-form JSON that is sent as a form stays as it is', async (t) => {
  const started = await start(t, ['--no-json-to-form']);
  const arrived = await postJson(started, '/machines/abc/op-lock', '{"a": 1}', { type: formType });
  assert.deepEqual(arrived, { type: formType, body: '{"a": 1}' });
});

for (const [json, status] of [
  ['{"op": "deploy"}', 415],
  ['{"oauth_token": "x"}', 400],
] as const) {
  test(`${json}, sent as a form, is refused with ${status}`, async (t) => {
    const { origin, proxy } = await start(t);
    const headers = { 'Content-Type': formType, 'Content-Length': String(json.length) };
    const reply = await send(`${proxy.url}/machines/abc/op-deploy`, { method: 'POST', body: json, headers });
    assert.equal(reply.status, status);
    assert.equal(origin.received.length, 0);
  });
}

test('JSON that is compressed stays as it is', async (t) => {
  const { origin, proxy } = await start(t);
  const body = gzipSync('{"a": 1}');
  const headers = {
    'Content-Type': 'application/json',
    'Content-Encoding': 'gzip',
    'Content-Length': `${body.length}`,
  };
  await send(`${proxy.url}/machines/abc/op-lock`, { method: 'POST', body, headers });
  assert.deepEqual(origin.received[0]?.body, body);
  assert.equal(origin.received[0]?.headers['content-type'], 'application/json');
});

test('with --no-json-to-form JSON stays as it is', async (t) => {
  const arrived = await postJson(await start(t, ['--no-json-to-form']), '/machines/abc/op-lock', '{"a": 1}');
  assert.deepEqual(arrived, { type: 'application/json', body: '{"a": 1}' });
});

for (const { what, json, status, code } of [
  { what: 'an array', json: '[1]', status: 415, code: 'json-not-an-object' },
  { what: 'a string', json: '"x"', status: 415, code: 'json-not-an-object' },
  { what: 'null', json: 'null', status: 415, code: 'json-not-an-object' },
  { what: 'a number', json: '5', status: 415, code: 'json-not-an-object' },
  { what: 'broken JSON', json: '{"a": 1', status: 400, code: 'malformed-json' },
  { what: 'JSON with a comma too many', json: '{"a": 1,}', status: 400, code: 'malformed-json' },
  { what: 'a number that JSON does not have', json: '{"a": 01}', status: 400, code: 'malformed-json' },
  { what: 'words outside of JSON', json: '{"a": NaN}', status: 400, code: 'malformed-json' },
  { what: 'a form', json: 'a=b', status: 400, code: 'malformed-json' },
  {
    what: 'JSON nested 5,000 deep',
    json: `{"a":${'['.repeat(4_999)}${']'.repeat(4_999)}}`,
    status: 400,
    code: 'malformed-json',
  },
  {
    what: 'JSON nested 501 deep',
    json: `${'{"a":'.repeat(501)}1${'}'.repeat(501)}`,
    status: 400,
    code: 'malformed-json',
  },
  { what: 'a member "op"', json: '{"op": "deploy"}', status: 415, code: 'json-not-an-object' },
  { what: 'a member "op" in escapes', json: '{"\\u006fp": "deploy"}', status: 415, code: 'json-not-an-object' },
  { what: 'a member "oauth_token"', json: '{"oauth_token": "x"}', status: 400, code: 'signature-override' },
  { what: 'a member "OAUTH_nonce"', json: '{"OAUTH_nonce": ["x"]}', status: 400, code: 'signature-override' },
]) {
  test(`${what} in place of an object of fields is refused with ${status} and a sentence, and MAAS receives nothing`, async (t) => {
    const { origin, proxy } = await start(t);
    const headers = { 'Content-Type': 'application/json', 'Content-Length': String(Buffer.byteLength(json)) };
    const reply = await send(`${proxy.url}/machines/abc/op-deploy`, { method: 'POST', body: json, headers });
    assert.equal(reply.status, status);
    assert.equal(reply.json()['code'], code);
    assert.match(String(reply.json()['detail']), /\.$/);
    assert.equal(origin.received.length, 0);
  });
}

test('JSON that is no UTF-8 is refused with 400', async (t) => {
  const { origin, proxy } = await start(t);
  const body = Buffer.from('{"a": "\xe9"}', 'latin1');
  const headers = { 'Content-Type': 'application/json', 'Content-Length': String(body.length) };
  const reply = await send(`${proxy.url}/machines/abc/op-deploy`, { method: 'POST', body, headers });
  assert.equal(reply.json()['code'], 'malformed-json');
  assert.equal(origin.received.length, 0);
});

for (const [what, path] of [
  ['as a path suffix', 'op-power_off'],
  ['in the query', '?op=power_off'],
]) {
  test(`HTTPie, which sends JSON, powers off softly with the operation ${what}`, { timeout: 60_000 }, async (t) => {
    const http = await needProgram(t, 'httpie', { commands: ['http'] });
    if (http === undefined) return;
    const { maas, proxy } = await startMaas(t);
    const target = `:${new URL(proxy.url).port}/machines/m00002/${path}`;
    const { stdout } = await run(http, ['--ignore-stdin', '--check-status', 'POST', target, 'stop_mode=soft']);
    assert.match(stdout, /"system_id": "m00002"/);
    assert.equal(maas.machine('m00002')?.stopMode, 'soft');
  });
}

test('without the form MAAS would power off hard', async (t) => {
  const { maas, proxy } = await startMaas(t, ['--no-json-to-form']);
  const headers = { 'Content-Type': 'application/json' };
  const body = '{"stop_mode": "soft"}';
  await send(`${proxy.url}/machines/m00002/op-power_off`, { method: 'POST', headers, body });
  assert.equal(maas.machine('m00002')?.stopMode, 'hard');
});

test('the answer to HEAD tells the length of the body that GET would have', async (t) => {
  const origin = await startOrigin(t, (_request, response) => {
    response.writeHead(200, { 'Content-Length': 12_345 }).end();
  });
  const proxy = await startTestProxy(t, origin.url);
  const reply = await send(`${proxy.url}/zones/`, { method: 'HEAD' });
  assert.equal(reply.headers['content-length'], '12345');
  assert.equal(reply.body.length, 0);
});

test('a body on GET is not passed on, and does not disturb the next request on the connection', async (t) => {
  const { origin, proxy } = await start(t);
  const { text } = await sendRaw(
    t,
    proxy.url,
    'GET /one/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhelloGET /two/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n',
  );
  assert.equal(text.match(/HTTP\/1\.1 200 /g)?.length, 2);
  assert.deepEqual(
    origin.received.map(({ target, headers, body }) => [target, headers['content-length'], body.length]),
    [
      ['/MAAS/api/2.0/one/', undefined, 0],
      ['/MAAS/api/2.0/two/', undefined, 0],
    ],
  );
});
