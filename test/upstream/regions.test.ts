import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { RequestListener } from 'node:http';
import { connect } from 'node:net';
import { test, type TestContext } from 'node:test';
import { errors } from 'undici';
import { parseRegions } from '../../src/maas/maas-address.ts';
import { Problem } from '../../src/problem.ts';
import { startSimulator, type Simulator, type SimulatorOptions } from '../../src/simulator/simulator.ts';
import { abortable } from '../../src/upstream/abortable.ts';
import type { UpstreamDispatch, UpstreamHandler, UpstreamRequest } from '../../src/upstream/handler.ts';
import { createRegions } from '../../src/upstream/regions/regions.ts';
import { makeAuthority } from '../support/certificates.ts';
import { runCli } from '../support/cli.ts';
import { startOrigin, type Origin } from '../support/origin.ts';
import { freePorts } from '../support/ports.ts';
import { startTestProxy, type TestProxy } from '../support/proxy.ts';
import { connectRaw, startRawMaas } from '../support/raw.ts';
import { send } from '../support/request.ts';
import { until } from '../support/until.ts';

async function simulate(t: TestContext, options: SimulatorOptions = {}): Promise<Simulator> {
  const maas = await startSimulator({ machines: 2, ...options });
  t.after(() => maas.close());
  return maas;
}

/** A region that is well, and writes in each answer that it was this one. */
function wellRegion(t: TestContext, name = 'the well one'): Promise<Origin> {
  return startOrigin(t, (_request, response) => response.end(name));
}

/** The requests of clients: not what the proxy has asked on its own account. */
const asked = ({ received }: Origin): string[] =>
  received.filter(({ target }) => !target.endsWith('/version/')).map(({ method }) => method);

const warnings = ({ log }: TestProxy): string[] =>
  log.filter(({ level, region }) => level === 40 && region !== undefined).map(({ msg }) => String(msg));

async function logged(proxy: TestProxy, count: number): Promise<Record<string, unknown>[]> {
  const lines = (): Record<string, unknown>[] => proxy.log.filter(({ msg }) => msg === 'request');
  await until(() => lines().length === count, `${count} lines of requests`);
  return lines();
}

/** A form, as a client sends it. */
const form = (body: string): { method: string; headers: Record<string, string>; body: string } => ({
  method: 'POST',
  headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
  body,
});

/** An address at which nothing listens. */
async function nobody(): Promise<string> {
  const [port] = await freePorts(1);
  return `http://127.0.0.1:${port}`;
}

for (const [what, address] of [
  ['refuses connections', nobody],
  ['has a name that does not resolve', () => Promise.resolve('http://nothing.invalid:5240')],
] as const) {
  test(`a read and a write of which nothing was sent go on to the next region, when one ${what}; it rests`, async (t) => {
    const well = await wellRegion(t);
    const bad = await address();
    const proxy = await startTestProxy(t, `${bad}, ${well.url}`);
    const write = await send(`${proxy.url}/zones/`, form('name=x'));
    assert.equal(write.body.toString(), 'the well one');
    for (let count = 0; count < 4; count += 1) {
      assert.equal((await send(`${proxy.url}/zones/`)).body.toString(), 'the well one');
    }
    assert.deepEqual(asked(well), ['POST', 'GET', 'GET', 'GET', 'GET']);
    assert.equal(well.received[0]?.body.toString(), 'name=x');
    const lines = await logged(proxy, 5);
    assert.deepEqual(
      lines.map(({ region, retries }) => [region, retries]),
      [[`${well.url}/MAAS/api/2.0/`, 1], ...Array.from({ length: 4 }, () => [`${well.url}/MAAS/api/2.0/`, undefined])],
    );
    const [warning, ...more] = warnings(proxy);
    assert.match(String(warning), /does not answer, and is left alone until it does/);
    assert.match(String(warning), new RegExp(bad));
    assert.deepEqual(more, []);
    assert.deepEqual(
      proxy.upstream.regions().map(({ href, lastError }) => [href, lastError !== undefined]),
      [
        [`${bad}/MAAS/api/2.0/`, true],
        [`${well.url}/MAAS/api/2.0/`, false],
      ],
    );
  });
}

test('each try at another region has a nonce of its own', async (t) => {
  const down = await startOrigin(t, (_request, response) => response.writeHead(502).end());
  const well = await wellRegion(t);
  const proxy = await startTestProxy(t, `${well.url},${down.url}`);
  while (asked(down).length === 0) await send(`${proxy.url}/zones/`);
  const all = [...down.received, ...well.received].map(({ headers }) => headers.authorization);
  const nonces = all.map((header) => /oauth_nonce="(\w+)"/.exec(header ?? '')?.[1]);
  assert.ok(!nonces.includes(undefined));
  assert.equal(new Set(nonces).size, nonces.length);
});

test('a region whose certificate nobody vouches for is left for the next, and never gets the key', async (t) => {
  const authority = await makeAuthority(t);
  const stranger = await makeAuthority(t, 'Stranger');
  const bad = await simulate(t, { tls: await stranger.issue('IP:127.0.0.1') });
  const well = await simulate(t, { tls: await authority.issue('IP:127.0.0.1') });
  const flags = ['--ca-file', authority.certFile];
  const proxy = await startTestProxy(t, `${bad.url},${well.url}`, { key: well.adminKey, flags });
  assert.equal((await send(`${proxy.url}/zones/`, form('name=x'))).status, 200);
  assert.equal((await send(`${proxy.url}/zones/`)).status, 200);
  assert.equal(bad.received.length, 0);
  assert.match(String(warnings(proxy)[0]), /not from an authority that this machine trusts/);
});

/** Listens, and lets no further connection come about: its process is stopped, and the line before it is full. */
async function startHanging(t: TestContext): Promise<string> {
  const program =
    "const s = require('net').createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => console.log(s.address().port))";
  const child = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(async () => {
    child.kill('SIGKILL');
    await once(child, 'exit');
  });
  const [first] = (await once(child.stdout, 'data')) as [Buffer];
  const port = Number(first.toString());
  child.kill('SIGSTOP');
  const fill = Array.from({ length: 8 }, () => connect({ port, host: '127.0.0.1' }).on('error', () => {}));
  t.after(() => {
    for (const socket of fill) socket.destroy();
  });
  await once(fill[0] ?? assert.fail(), 'connect');
  return `http://127.0.0.1:${port}`;
}

test('a region that accepts no connection is left after 4 s, by reads and writes, and later requests do not wait for it', async (t) => {
  const hanging = await startHanging(t);
  const well = await wellRegion(t);
  const proxy = await startTestProxy(t, `${hanging},${well.url}`);
  const began = performance.now();
  const both = await Promise.all([
    send(`${proxy.url}/zones/`, form('name=x')),
    send(`${proxy.url}/zones/`, { method: 'DELETE' }),
  ]);
  assert.deepEqual(
    both.map(({ body }) => body.toString()),
    ['the well one', 'the well one'],
  );
  assert.ok(performance.now() - began >= 3_900);
  assert.equal(warnings(proxy).length, 1);
  for (let count = 0; count < 4; count += 1) await send(`${proxy.url}/zones/`);
  const lines = await logged(proxy, 6);
  assert.deepEqual(
    lines.map(({ retries }) => retries),
    [1, 1, undefined, undefined, undefined, undefined],
  );
});

/** A region that does this to clients' requests, and answers the proxy's own question. */
function badRegion(t: TestContext, handler: RequestListener): Promise<Origin> {
  return startOrigin(t, (request, response) => {
    if (request.url?.endsWith('/version/') === true) response.end('{"version": "3.7.3"}');
    else handler(request, response);
  });
}

/** Two regions, of which the first to be asked is the bad one. */
async function startWithBad(
  t: TestContext,
  handler: RequestListener,
): Promise<{ bad: Origin; well: Origin; proxy: TestProxy; url: string }> {
  const bad = await badRegion(t, handler);
  const well = await wellRegion(t);
  const proxy = await startTestProxy(t, `${bad.url},${well.url}`);
  await send(`${proxy.url}/zones/`); // the first read goes to the second region
  well.received.length = 0;
  return { bad, well, proxy, url: `${proxy.url}/zones/` };
}

/** Writes whose bodies could be sent again, and one that streams. */
const writes = [
  ['POST without a body', { method: 'POST' }],
  ['DELETE', { method: 'DELETE' }],
  ['form', form('name=x')],
  ['JSON body made a form', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '{"name": "x"}' }],
] as const;

const page = '<html><head><title>down</title></head></html>';

for (const status of [502, 503, 504]) {
  const down: RequestListener = (_request, response) =>
    response.writeHead(status, { 'Content-Type': 'text/html' }).end(page);

  test(`a read that the web server of a region answers ${status} is answered by the next region`, async (t) => {
    const { bad, well, proxy, url } = await startWithBad(t, down);
    assert.equal((await send(url)).body.toString(), 'the well one');
    assert.deepEqual(asked(bad), ['GET']);
    assert.deepEqual(asked(well), ['GET']);
    // A 504 may be the fault of one request that takes too long: the region is asked, and answers.
    assert.equal(warnings(proxy).length, status === 504 ? 0 : 1);
  });

  for (const [what, write] of writes) {
    test(`a ${what} that the web server of a region answers ${status} is not sent again`, async (t) => {
      const { bad, well, url } = await startWithBad(t, down);
      const reply = await send(url, write);
      assert.equal(reply.status, status);
      assert.deepEqual(asked(bad), [write.method]);
      assert.deepEqual(asked(well), []);
    });
  }
}

for (const [what, status, headers] of [['a 500', 500, { 'Content-Type': 'text/html' }]] as const) {
  test(`${what} is the client's, and its region does not rest`, async (t) => {
    const { well, proxy, url } = await startWithBad(t, (_request, response) =>
      response.writeHead(status, headers).end('no'),
    );
    const reply = await send(url);
    assert.equal(reply.status, status);
    assert.equal(reply.body.toString(), 'no');
    assert.deepEqual(asked(well), []);
    assert.deepEqual(warnings(proxy), []);
  });
}

for (const [what, headers] of [
  ["MAAS's own 503", { 'Content-Type': 'text/plain; charset=utf-8' }],
  ['a 503 with a Retry-After that is too long to wait', { 'Content-Type': 'text/html', 'Retry-After': '60' }],
] as const) {
  test(`a read that gets ${what} is answered by the next region, a write gets it, and its region does not rest`, async (t) => {
    const { well, proxy, url } = await startWithBad(t, (_request, response) =>
      response.writeHead(503, headers).end('no'),
    );
    assert.equal((await send(url)).body.toString(), 'the well one');
    const reply = await send(url, { method: 'POST' });
    assert.equal(`${reply.status} ${reply.body.toString()}`, '503 no');
    assert.deepEqual(asked(well), ['GET']);
    assert.deepEqual(warnings(proxy), []);
  });
}

test('a 503 without a type rests its region; one that every region gives is the client’s', async (t) => {
  const { bad, proxy, url } = await startWithBad(t, (_request, response) => response.writeHead(503).end('no'));
  assert.equal((await send(url)).body.toString(), 'the well one');
  assert.deepEqual(asked(bad), ['GET']);
  assert.equal(warnings(proxy).length, 1);
  const busy = await startTestProxy(t, `${bad.url},${bad.url.replace('127.0.0.1', 'localhost')}`);
  const reply = await send(`${busy.url}/machines/`);
  assert.equal(`${reply.status} ${reply.body.toString()}`, '503 no');
});

for (const end of ['destroy', 'resetAndDestroy'] as const) {
  test(`a read whose connection ends before the first byte (${end}) is answered by the next region; a region that then answers does not rest`, async (t) => {
    const { bad, well, proxy, url } = await startWithBad(t, ({ socket }) => void socket[end]());
    assert.equal((await send(url)).body.toString(), 'the well one');
    assert.deepEqual(asked(bad), ['GET']);
    assert.deepEqual(asked(well), ['GET']);
    await until(() => bad.received.some(({ target }) => target.endsWith('/version/')), 'the question of the proxy');
    await until(() => proxy.upstream.regions()[0]?.lastResponseAt !== undefined, 'its answer');
    assert.deepEqual(warnings(proxy), []);
  });

  for (const [what, write, path] of [
    ...writes.map(([name, one]) => [name, one, '/machines/abc/?op=lock'] as const),
    ['chunk of an upload', { method: 'PUT', body: 'chunk' }, '/boot-resources/1/upload/2/'],
    ['chunk of an upload without bytes', { method: 'PUT' }, '/boot-resources/1/upload/2/'],
  ] as const) {
    test(`a ${what} whose connection ends before the first byte (${end}) runs at no second region`, async (t) => {
      const { bad, well, proxy } = await startWithBad(t, ({ socket }) => void socket[end]());
      const reply = await send(`${proxy.url}${path}`, write);
      assert.equal(reply.json()['code'], 'maas-reset');
      assert.deepEqual(asked(bad), [write.method]);
      assert.deepEqual(asked(well), []);
    });
  }

  test(`an answer that breaks off after its first byte (${end}) is a broken transfer, and asked of no second region`, async (t) => {
    const { well, url } = await startWithBad(t, ({ socket }, response) => {
      response.writeHead(200, { 'Content-Length': 100 });
      response.write('part', () => socket[end]());
    });
    await assert.rejects(send(url), { code: 'ECONNRESET' });
    assert.deepEqual(asked(well), []);
  });
}

test('a region that closes every connection, the one of the question as well, rests', async (t) => {
  const bad = await startRawMaas(t, ({ socket }) => socket.resetAndDestroy());
  const well = await wellRegion(t);
  const proxy = await startTestProxy(t, `${bad.url},${well.url}`);
  await send(`${proxy.url}/zones/`);
  assert.equal((await send(`${proxy.url}/zones/`)).body.toString(), 'the well one');
  await until(() => warnings(proxy).length === 1, 'the rest of that region');
  assert.equal((await send(`${proxy.url}/zones/`, { method: 'POST' })).body.toString(), 'the well one');
});

test('what is not HTTP is no region of MAAS: reads go on to the next', async (t) => {
  const bad = await startRawMaas(t, ({ socket }) => socket.write('SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n'));
  const well = await wellRegion(t);
  const proxy = await startTestProxy(t, `${bad.url},${well.url}`);
  for (let count = 0; count < 3; count += 1) {
    assert.equal((await send(`${proxy.url}/zones/`)).body.toString(), 'the well one');
  }
});

test('an upload of which nothing was sent goes on to the next region, whole', async (t) => {
  const well = await wellRegion(t);
  const proxy = await startTestProxy(t, `${await nobody()},${well.url}`);
  const body = Buffer.alloc(4 * 2 ** 20, 'upload');
  const reply = await send(`${proxy.url}/boot-resources/1/upload/2/`, { method: 'PUT', body });
  assert.equal(reply.status, 200);
  assert.deepEqual(asked(well), ['PUT']);
  assert.ok(well.received[0]?.body.equals(body));
});

test('reads go round the regions, writes go to the first', async (t) => {
  const regions = [await wellRegion(t, 'a'), await wellRegion(t, 'b'), await wellRegion(t, 'c')];
  const proxy = await startTestProxy(t, regions.map(({ url }) => url).join(','));
  for (let count = 0; count < 6; count += 1) {
    await send(`${proxy.url}/zones/`);
    await send(`${proxy.url}/zones/`, form('name=x'));
  }
  assert.deepEqual(
    regions.map((region) => [
      asked(region).filter((method) => method === 'GET').length,
      asked(region).filter((method) => method === 'POST').length,
    ]),
    [
      [2, 6],
      [2, 0],
      [2, 0],
    ],
  );
});

test('a region that is back gets requests again, and the log says so once', async (t) => {
  const [port] = await freePorts(1);
  const well = await simulate(t);
  const proxy = await startTestProxy(t, `http://127.0.0.1:${port},${well.url}`, { key: well.adminKey });
  const create = (name: string): Promise<unknown> => send(`${proxy.url}/zones/`, form(`name=${name}`));
  await create('one');
  assert.equal(well.received.length, 1);
  const back = await simulate(t, { port: port ?? 0 });
  const news = (): unknown[] => proxy.log.filter(({ msg }) => /region \S+ answers again/.test(String(msg)));
  await until(() => news().length > 0, 'it is back');
  await create('two');
  assert.ok(back.received.some(({ method }) => method === 'POST'));
  assert.equal(warnings(proxy).length, 1);
  assert.equal(news().length, 1);
  assert.equal(proxy.upstream.regions()[0]?.lastError, undefined);
});

test('when all regions rest they are tried all the same, and the first that answers is back', async (t) => {
  const ports = await freePorts(2);
  const proxy = await startTestProxy(t, ports.map((port) => `http://127.0.0.1:${port}`).join(' '), {
    key: (await simulate(t)).adminKey,
  });
  for (const method of ['GET', 'POST']) {
    const reply = await send(`${proxy.url}/zones/`, { method });
    assert.equal(reply.status, 502);
    assert.equal(reply.json()['code'], 'maas-refused');
  }
  assert.equal(warnings(proxy).length, 2);
  await simulate(t, { port: ports[1] ?? 0 });
  assert.equal((await send(`${proxy.url}/zones/`)).status, 200);
  assert.equal(proxy.upstream.regions()[1]?.lastError, undefined);
  assert.equal((await send(`${proxy.url}/zones/`, form('name=x'))).status, 200);
});

test('a client that leaves is no reason for another try, nor for a rest', async (t) => {
  const { bad, well, proxy } = await startWithBad(t, () => {});
  const client = await connectRaw(t, proxy.url);
  client.socket.write('GET /zones/ HTTP/1.1\r\nHost: localhost\r\n\r\n');
  await until(() => asked(bad).length === 1, 'the request');
  client.socket.destroy();
  await logged(proxy, 2);
  assert.deepEqual(asked(well), []);
  assert.deepEqual(warnings(proxy), []);
});

/** Two regions a and b behind a dispatcher that only keeps what is sent; what loopback cannot do is played by hand. */
function playRegions(t: TestContext): {
  dispatch: UpstreamDispatch;
  sent: { region: string; handler: UpstreamHandler }[];
  questions: { fail(problem: Problem): void }[];
  changes: string[];
} {
  const sent: { region: string; handler: UpstreamHandler }[] = [];
  const questions: { fail(problem: Problem): void }[] = [];
  const changes: string[] = [];
  const regions = createRegions(
    parseRegions('http://a:5240,http://b:5240'),
    (_request, handler) => questions.push({ fail: (problem) => handler.onResponseError(problem) }),
    'maas-auth-proxy',
    ({ origin }, trouble) => changes.push(`${origin} ${trouble?.code ?? 'is back'}`),
  );
  t.after(() => regions.close());
  const dispatch = regions.interceptor(({ origin }, handler) => sent.push({ region: origin, handler }));
  return { dispatch, sent, questions, changes };
}

/** A handler that does nothing but what the test wants. */
const handlerOf = (own: Partial<UpstreamHandler> = {}): UpstreamHandler => ({
  onRequestStart() {},
  onResponseStart() {},
  onResponseData() {},
  onResponseEnd() {},
  onResponseError() {},
  ...own,
});

const request = (method: 'GET' | 'POST'): UpstreamRequest => ({
  origin: 'http://a:5240',
  path: '/MAAS/api/2.0/zones/',
  method,
  headers: [],
  body: null,
  signedBy: 'shared',
});

test('a client that leaves before there is a connection is not held against the region', async (t) => {
  const { dispatch, sent, changes } = playRegions(t);
  const gone = new Problem('client-gone', 'The client closed the connection.');
  let found: Error | undefined;
  dispatch(request('POST'), handlerOf({ onResponseError: (error) => (found = error) }));
  // As undici does when the body has failed while it was connecting.
  sent[0]?.handler.onResponseError(gone);
  await Promise.resolve();
  assert.equal(found, gone);
  assert.equal(sent.length, 1);
  assert.deepEqual(changes, []);
});

test('reads that wait at a region whose machine has gone move on when nobody accepts a connection there; writes do not', async (t) => {
  const { dispatch, sent, changes } = playRegions(t);
  const aborted: string[] = [];
  const connected = (at: number, name: string): void =>
    sent[at]?.handler.onRequestStart(abortable(() => aborted.push(name)));
  dispatch(request('GET'), handlerOf()); // to b
  dispatch(request('GET'), handlerOf()); // to a
  dispatch(request('POST'), handlerOf()); // to a
  for (const [at, name] of ['read at b', 'read at a', 'write at a'].entries()) connected(at, name);
  dispatch(request('POST'), handlerOf());
  sent[3]?.handler.onResponseError(new errors.ConnectTimeoutError('Connect Timeout Error'));
  await Promise.resolve();
  assert.deepEqual(changes, ['http://a:5240 maas-connect-timeout']);
  assert.deepEqual(aborted, ['read at a']);
  assert.deepEqual(
    sent.map(({ region }) => region),
    ['b', 'a', 'a', 'a', 'b', 'b'].map((name) => `http://${name}:5240`),
  );
});

test('a region at which a read waits for 10 s is asked; it rests if it does not answer, and the read waits on', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { dispatch, sent, questions, changes } = playRegions(t);
  dispatch(request('GET'), handlerOf());
  sent[0]?.handler.onRequestStart(abortable(() => assert.fail('aborted')));
  t.mock.timers.tick(9_999);
  assert.equal(questions.length, 0);
  t.mock.timers.tick(1);
  assert.equal(questions.length, 1);
  questions[0]?.fail(new Problem('maas-answer-timeout', 'MAAS did not answer within 5 seconds.'));
  await until(() => changes.length > 0, 'the rest');
  assert.deepEqual(changes, ['http://b:5240 maas-answer-timeout']);
  assert.equal(sent.length, 1);
});

test('a Location of any region leads to the proxy, and a relative one starts from the region that answered', async (t) => {
  let location = '';
  const answer: RequestListener = (_request, response) => response.writeHead(201, { Location: location }).end();
  const [one, two] = [await startOrigin(t, answer), await startOrigin(t, answer)];
  const proxy = await startTestProxy(t, `${one.url}/MAAS,${two.url}/behind/MAAS`);
  for (const [given, expected] of [
    [`${one.url}/MAAS/api/2.0/zones/x/?a=b`, `${proxy.url}/MAAS/api/2.0/zones/x/?a=b`],
    [`${two.url}/behind/MAAS/api/2.0/zones/x/`, `${proxy.url}/MAAS/api/2.0/zones/x/`],
    [`${two.url}/MAAS/api/2.0/zones/x/`, `${two.url}/MAAS/api/2.0/zones/x/`],
    ['x/', `${proxy.url}/MAAS/api/2.0/zones/x/`],
  ] as const) {
    location = given;
    for (let count = 0; count < 2; count += 1) {
      assert.equal((await send(`${proxy.url}/MAAS/api/2.0/zones/`)).headers['location'], expected);
    }
  }
  assert.deepEqual(
    [one, two].map(({ received }) => new Set(received.map(({ target }) => target))),
    [new Set(['/MAAS/api/2.0/zones/']), new Set(['/behind/MAAS/api/2.0/zones/'])],
  );
});

test('a single MAAS is no region of several: nothing about it in the log, no state, no question of the proxy', async (t) => {
  const maas = await startOrigin(t, (_request, response) => response.writeHead(502).end());
  const proxy = await startTestProxy(t, maas.url);
  assert.equal((await send(`${proxy.url}/zones/`)).status, 502);
  const [line] = await logged(proxy, 1);
  assert.equal(line?.['region'], undefined);
  assert.deepEqual(proxy.upstream.regions(), []);
  assert.deepEqual(warnings(proxy), []);
  assert.equal(maas.received.length, 1);
});

test('readyz is ready while one region answers, and tells of each, as the metrics do', async (t) => {
  const well = await simulate(t);
  const bad = await nobody();
  const proxy = await startTestProxy(t, `${bad},${well.url}`, { key: well.adminKey });
  assert.equal((await send(`${proxy.adminUrl}/readyz`)).status, 200);
  await until(() => proxy.upstream.regions()[0]?.lastError !== undefined, 'the region was asked');
  const { status, regions } = (await send(`${proxy.adminUrl}/readyz`)).json();
  assert.equal(status, 'ready');
  const [, { lastAnswer = '' } = {}] = regions as { lastAnswer?: string }[];
  assert.ok(Date.now() - Date.parse(lastAnswer) < 60_000, lastAnswer);
  assert.deepEqual(regions, [
    {
      region: `${bad}/MAAS/api/2.0/`,
      answers: false,
      lastAnswer: null,
      reason: 'Nothing listens at the address in MAAS_URL; check host and port, and that MAAS is running.',
    },
    { region: `${well.url}/MAAS/api/2.0/`, answers: true, lastAnswer },
  ]);
  const metrics = (await send(`${proxy.adminUrl}/metrics`)).body.toString();
  assert.match(metrics, new RegExp(`region_up\\{region="${bad}/MAAS/api/2.0/"\\} 0`));
  assert.match(metrics, new RegExp(`region_up\\{region="${well.url}/MAAS/api/2.0/"\\} 1`));
});

test('readyz is not ready when no region answers', async (t) => {
  const [one, two] = [await nobody(), await nobody()];
  const proxy = await startTestProxy(t, `${one},${two}`);
  const reply = await send(`${proxy.adminUrl}/readyz`);
  assert.equal(reply.status, 503);
  assert.deepEqual(
    (reply.json()['regions'] as { answers: boolean }[]).map(({ answers }) => answers),
    [false, false],
  );
});

test('check goes through each region, and fails when one of them does not answer', async (t) => {
  const well = await simulate(t);
  const bad = await nobody();
  const env = { MAAS_URL: `${well.url},${bad}`, MAAS_API_KEY: well.adminKey };
  const { code, stdout } = await runCli(t, ['check', '--json'], env);
  assert.equal(code, 1);
  const { steps } = JSON.parse(stdout) as { steps: { step: string; region?: string; status: string }[] };
  const of = (region: string): string[] =>
    steps.filter((step) => step.region === `${region}/MAAS/api/2.0/`).map(({ step, status }) => `${step} ${status}`);
  assert.ok(of(well.url).includes('identity ok'));
  assert.ok(of(bad).includes('TCP error'));
  assert.ok(of(bad).includes('identity skipped'));
  assert.equal(steps.filter(({ step }) => step === 'key format').length, 1);

  const both = await runCli(t, ['check'], { ...env, MAAS_URL: `${well.url} ${(await simulate(t)).url}/MAAS/` });
  assert.equal(both.code, 0, both.stdout);
  assert.equal(both.stdout.match(/✓ identity/g)?.length, 2);
});

for (const [urls, complaint] of [
  [
    'http://a:5240,b:5240',
    /MAAS_URL holds several addresses, of which number 2 must begin with http:\/\/ or https:\/\//,
  ],
  ['http://a:5240/MAAS/api/1.0,http://b', /of which number 1 names the API 1\.0/],
  [',', /MAAS_URL must begin with http/],
] as const) {
  test(`MAAS_URL=${urls} is refused in a sentence`, async (t) => {
    const { code, stderr } = await runCli(t, [], { MAAS_URL: urls, MAAS_API_KEY: 'a:b:c' });
    assert.equal(code, 2);
    assert.match(stderr, complaint);
  });
}

test('a region is killed and restarted under load: no read fails, and no write runs twice', async (t) => {
  const [port = 0] = await freePorts(1);
  const other = await simulate(t, { delays: { 'GET /zones/': 3, 'POST /zones/': 3 } });
  const lives = [await simulate(t, { port })];
  const proxy = await startTestProxy(t, `http://127.0.0.1:${port},${other.url}`, { key: other.adminKey });
  let next = 0;
  let end = Infinity;
  let killed: Promise<void> | undefined;
  const reads: number[] = [];
  const written = new Map<string, number>();

  async function client(): Promise<void> {
    for (let number = next++; number < end; number = next++) {
      if (number === 150) killed = lives[0]?.close();
      if (number === 350) {
        await killed;
        lives.push(await simulate(t, { port }));
        await until(() => proxy.upstream.regions()[0]?.lastError === undefined, 'the region is back');
        end = next + 200;
      }
      const isWrite = number % 3 === 0;
      const body = `name=zone-${number}`;
      const reply = await send(`${proxy.url}/zones/`, isWrite ? form(body) : {});
      if (isWrite) written.set(body, reply.status);
      else reads.push(reply.status);
    }
  }
  await Promise.all(Array.from({ length: 16 }, client));

  assert.deepEqual(new Set(reads), new Set([200]));
  const ran = [...lives, other].flatMap(({ received }) =>
    received.filter(({ method, complete }) => method === 'POST' && complete).map(({ body }) => body.toString()),
  );
  assert.equal(new Set(ran).size, ran.length, 'a write ran twice');
  for (const [body, status] of written) {
    // A write whose connection broke may have run; its client is told.
    assert.ok(status === 200 || status === 502, String(status));
    if (status === 200) assert.ok(ran.includes(body));
  }
  assert.ok((lives[1]?.received.length ?? 0) > 50, 'the restarted region got requests');
  assert.ok(warnings(proxy).length >= 1 && warnings(proxy).length <= 3);
});
