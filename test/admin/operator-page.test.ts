// What the admin listener serves for the operator's page: to whom, and what it tells.
import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { startSimulator } from '../../src/simulator/simulator.ts';
import { emptyDirectory } from '../support/cli.ts';
import { give, writeClients } from '../support/gateway.ts';
import { startOrigin } from '../support/origin.ts';
import { startTestProxy, type TestProxy } from '../support/proxy.ts';
import { connectRaw } from '../support/raw.ts';
import { send } from '../support/request.ts';

const browser = { Accept: 'text/html,*/*;q=0.8' };
const token = 'CanaryAdminToken0123456789';
const bearer = { Authorization: `Bearer ${token}` };
const data = ['/-/state', '/-/live'];

interface Event {
  readonly state: Record<string, unknown> & {
    readonly recent: { readonly rate: number | null };
    readonly problems: readonly { readonly code: string; readonly title: string; readonly count: number }[];
    readonly endings: readonly { readonly what: string; readonly name: string; readonly endsAt: string }[];
  };
  readonly requests: readonly Record<string, unknown>[];
}

function as({ key }: { readonly key: string }): { readonly Authorization: string } {
  return { Authorization: `Bearer ${key}` };
}

function writeToken(t: TestContext, text = `${token}\n`): string {
  const file = join(emptyDirectory(t), 'admin-token');
  writeFileSync(file, text, { mode: 0o600 });
  return file;
}

async function start(
  t: TestContext,
  flags: readonly string[] = [],
): Promise<TestProxy & { readonly adminUrl: string }> {
  const origin = await startOrigin(t, (_request, response) => response.end('[]'));
  const proxy = await startTestProxy(t, origin.url, { flags });
  return { ...proxy, adminUrl: proxy.adminUrl ?? assert.fail('no admin listener') };
}

/** Reads events until one is as wanted. @returns it, and all that came */
async function listen(
  t: TestContext,
  adminUrl: string,
  isWanted: (event: Event) => boolean,
  onOpen: () => unknown = () => undefined,
): Promise<{ event: Event; text: string }> {
  const asked = get(`${adminUrl}/-/live`, { agent: false, headers: bearer });
  t.after(() => asked.destroy());
  const [stream] = (await once(asked, 'response')) as [IncomingMessage];
  assert.equal(stream.headers['content-type'], 'text/event-stream');
  await onOpen();
  let text = '';
  let judged = 0;
  stream.setEncoding('utf8');
  for await (const chunk of stream) {
    text += String(chunk);
    const events = Array.from(text.matchAll(/^data: (.*)\n\n/gm), ([, json]) => JSON.parse(json ?? '') as Event);
    const event = events.slice(judged).find(isWanted);
    if (event !== undefined) return { event, text };
    judged = events.length;
  }
  return assert.fail('the stream ended');
}

test('a browser gets the page at / of the admin listener, with a strict policy; a program gets the list', async (t) => {
  const { adminUrl } = await start(t);
  const page = await send(`${adminUrl}/`, { headers: browser });
  assert.equal(page.status, 200);
  assert.match(page.body.toString(), /<script type="module" src="\/-\/assets\/admin.js">/);
  for (const path of ['/', '/-/assets/admin.js', '/-/assets/page.css', '/-/assets/icon.svg', '/-/state']) {
    const { status, headers } = await send(adminUrl + path, { headers: browser });
    assert.equal(status, 200, path);
    assert.match(String(headers['content-security-policy']), /default-src 'self'.*frame-ancestors 'none'/);
    assert.equal(headers['x-content-type-options'], 'nosniff');
    assert.equal(headers['cross-origin-opener-policy'], 'same-origin');
    assert.equal(headers['access-control-allow-origin'], undefined);
  }
  const list = await send(`${adminUrl}/`);
  assert.equal(list.status, 404);
  assert.match(list.body.toString(), /\/livez, \/readyz and \/metrics.*A browser gets the operator's page/);
  for (const path of ['/-/assets/', '/-/assets/..%2f..%2fpage.ts', '/-/me', '/-/operations', '/-/requests'])
    assert.equal((await send(adminUrl + path)).status, 404, path);
});

test('--no-page turns the page off, and what is not the page stays', async (t) => {
  const { adminUrl, adminPage } = await start(t, ['--no-page', '--admin-token-file', writeToken(t)]);
  assert.equal(adminPage, undefined);
  for (const path of ['/', '/-/assets/admin.js', ...data])
    assert.equal((await send(adminUrl + path, { headers: { ...browser, ...bearer } })).status, 404, path);
  assert.equal((await send(`${adminUrl}/livez`)).status, 200);
});

test('beyond loopback, and in a gateway, there is no page without a token file; probes and metrics stay open', async (t) => {
  const clients = writeClients(t, [give('ann')]);
  for (const flags of [
    ['--admin-host', '0.0.0.0'],
    ['--clients-file', clients],
  ]) {
    const { adminUrl, adminPage } = await start(t, flags);
    const local = adminUrl.replace('0.0.0.0', '127.0.0.1');
    assert.equal(adminPage, undefined);
    for (const path of ['/', ...data]) {
      const refused = await send(local + path, { headers: { ...browser, ...bearer } });
      assert.equal(refused.status, 404);
      assert.match(refused.body.toString(), /it needs --admin-token-file \(ADMIN_TOKEN_FILE\)/);
    }
    for (const path of ['/livez', '/readyz', '/metrics'])
      assert.notEqual((await send(local + path)).status, 404, `${path} ${flags.join(' ')}`);
  }
});

test('with a token file the page asks for the token, and tells nothing without it', async (t) => {
  const flags = ['--admin-host', '0.0.0.0', '--admin-token-file', writeToken(t)];
  const { adminUrl, adminPage } = await start(t, flags);
  assert.equal(adminPage, `${adminUrl}/`);
  const local = adminUrl.replace('0.0.0.0', '127.0.0.1');
  assert.equal((await send(`${local}/`, { headers: browser })).status, 200);
  const wrong = [undefined, `Bearer ${token}x`, 'Bearer ', `Basic ${token}`, token, `Bearer ${token.slice(0, -1)}`];
  for (const path of data) {
    for (const authorization of wrong) {
      const headers = authorization === undefined ? {} : { Authorization: authorization };
      const refused = await send(local + path, { headers });
      assert.equal(refused.status, 401, `${path} ${authorization}`);
      assert.match(String(refused.headers['www-authenticate']), /^Bearer /);
      assert.match(String(refused.json()['detail']), /--admin-token-file/);
      assert.doesNotMatch(refused.body.toString(), new RegExp(token));
    }
  }
  assert.equal((await send(`${local}/-/state`, { headers: bearer })).status, 200);
  for (const path of ['/livez', '/readyz', '/metrics']) assert.notEqual((await send(local + path)).status, 401);
});

test('a token file that holds no token is a mistake in the configuration, which does not repeat it', async (t) => {
  for (const text of ['', 'short', 'two words that are long enough', 'x'.repeat(15)]) {
    await assert.rejects(start(t, ['--admin-token-file', writeToken(t, text)]), (error: Error) => {
      assert.match(error.message, /^--admin-token-file names the file .*, which must hold one token of at least 16/);
      assert.ok(text === '' || !error.message.includes(text));
      return true;
    });
  }
  await assert.rejects(start(t, ['--admin-token-file', '/nonexistent/token']), /which does not exist/);
});

test('a new token in the file is in force without a restart, and the old one is not', async (t) => {
  const file = writeToken(t);
  const { adminUrl, reload } = await start(t, ['--admin-token-file', file]);
  writeFileSync(file, 'AnotherAdminToken9876543210');
  await reload();
  assert.equal((await send(`${adminUrl}/-/state`, { headers: bearer })).status, 401);
  const next = { Authorization: 'Bearer AnotherAdminToken9876543210' };
  assert.equal((await send(`${adminUrl}/-/state`, { headers: next })).status, 200);
});

test('a web page of another origin reads nothing, nor does a foreign Host', async (t) => {
  const { adminUrl } = await start(t);
  for (const path of ['/', '/-/assets/admin.js', ...data]) {
    const cross = { ...browser, 'Sec-Fetch-Site': 'cross-site' };
    assert.equal((await send(adminUrl + path, { headers: cross })).status, 403, path);
    assert.equal((await send(adminUrl + path, { headers: { ...browser, Host: 'evil.example' } })).status, 421, path);
  }
});

test("the operator sees everybody's requests as they end, by whom, with what became of them, and no secret", async (t) => {
  const [ann, bob] = [give('ann', { expires: '2099-01-01T00:00:00Z' }), give('bob', { policy: 'read-only' })];
  const flags = ['--clients-file', writeClients(t, [ann, bob]), '--admin-token-file', writeToken(t)];
  const { url, adminUrl } = await start(t, flags);
  const seen: Record<string, unknown>[] = [];
  const { event, text } = await listen(
    t,
    adminUrl,
    ({ requests }) => seen.push(...requests) >= 3,
    async () => {
      await send(`${url}/machines/?secret=hidden`, { headers: as(ann) });
      await send(`${url}/machines/abc/?op=deploy`, { method: 'POST', headers: as(bob), body: 'user_data=hidden' });
      await send(`${url}/zones/`);
    },
  );
  assert.deepEqual(
    new Set(seen.map(({ client, operation, status, code }) => [client, operation, status, code].join(' '))),
    new Set([
      'ann GET machines 200 ',
      'bob POST machines/{system_id} deploy 403 policy-refused',
      ' GET zones 401 client-unknown',
    ]),
  );
  assert.ok(Number(event.state.recent.rate) > 0);
  assert.deepEqual(event.state.problems.map(({ code, count }) => `${code} ${count}`).toSorted(), [
    'client-unknown 1',
    'policy-refused 1',
  ]);
  assert.deepEqual(event.state.endings, [{ what: 'key', name: 'ann', endsAt: '2099-01-01T00:00:00.000Z' }]);
  const secrets = [ann.key, bob.key, token].map((key) => key.split(':').at(-1) ?? key);
  for (const secret of ['hidden', 'Canary', ...secrets]) assert.ok(!text.includes(secret), secret);
});

test('the state says where requests are, and how MAAS is', async (t) => {
  const held = new EventEmitter();
  held.setMaxListeners(0);
  let isHeld = true;
  let atMaas = 0;
  const origin = await startOrigin(t, async (_request, response) => {
    atMaas += 1;
    if (isHeld) await once(held, 'release');
    response.end('[]');
  });
  const { url, adminUrl = '' } = await startTestProxy(t, origin.url, { flags: ['--max-upstream', '1'] });
  const waiting = ['machines', 'zones', 'tags'].map((path) => send(`${url}/${path}/`));
  const { event } = await listen(t, adminUrl, ({ state }) => state['inFlight'] === 1 && state['queued'] === 2);
  assert.ok(atMaas >= 1);
  assert.equal(event.state['clockOffset'], 0);
  isHeld = false;
  held.emit('release');
  await Promise.all(waiting);
  const { event: after } = await listen(t, adminUrl, ({ state }) => state['inFlight'] === 0 && state['ready'] !== null);
  assert.equal(after.state['queued'], 0);
  assert.ok(Date.now() - Date.parse(String(after.state['lastResponse'])) < 60_000);
});

test('nothing is counted while no page is open: one that opens is told of what ends from then on', async (t) => {
  const { url, adminUrl } = await start(t);
  await send(`${url}/machines/`);
  const seen: unknown[] = [];
  await listen(
    t,
    adminUrl,
    ({ requests }) => seen.push(...requests.map(({ operation }) => operation)) > 0,
    () => send(`${url}/zones/`),
  );
  assert.deepEqual(seen, ['GET zones']);
});

test('a program that asks for the state once is told whether the proxy is ready', async (t) => {
  const maas = await startSimulator({ machines: 1 });
  t.after(() => maas.close());
  const { adminUrl = '' } = await startTestProxy(t, maas.url, { key: maas.adminKey });
  const state = (await send(`${adminUrl}/-/state`)).json();
  assert.deepEqual([state['ready'], state['reasons']], [true, []]);
});

test('so many pages may be open, and one more is told so', async (t) => {
  const { adminUrl, stop } = await start(t);
  const open = await Promise.all(
    Array.from({ length: 20 }, async () => {
      const connection = await connectRaw(t, adminUrl);
      connection.socket.write('GET /-/live HTTP/1.1\r\nHost: localhost\r\n\r\n');
      await connection.received(/text\/event-stream[^]*data: /);
      return connection.socket;
    }),
  );
  const refused = await send(`${adminUrl}/-/live`);
  assert.equal(refused.status, 429);
  assert.equal(refused.headers['retry-after'], '10');
  assert.equal(await stop(), 0);
  assert.equal(open.length, 20);
});
