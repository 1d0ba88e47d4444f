// What the proxy serves at its own addresses: the page itself, and what the page asks for.
import assert from 'node:assert/strict';
import { gunzipSync, brotliDecompressSync } from 'node:zlib';
import { get } from 'node:http';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { test, type TestContext } from 'node:test';
import { startSimulator } from '../../src/simulator/simulator.ts';
import { startOrigin } from '../support/origin.ts';
import { give, startGateway } from '../support/gateway.ts';
import { startTestProxy, type TestProxy } from '../support/proxy.ts';
import { send } from '../support/request.ts';

const browser = { Accept: 'text/html,application/xhtml+xml,*/*;q=0.8' };

async function startOnSimulator(t: TestContext, flags: readonly string[] = []): Promise<TestProxy> {
  const simulator = await startSimulator({});
  t.after(() => simulator.close());
  return startTestProxy(t, simulator.url, { key: simulator.adminKey, flags });
}

interface Listed {
  readonly operations: readonly {
    readonly name: string;
    readonly path: string;
    readonly class: string;
    readonly allowed: boolean;
    readonly rule: string | null;
    readonly parameters: readonly { readonly name: string; readonly in: string }[];
  }[];
  readonly unknown: readonly string[];
}

function as(key: string): { headers: { Authorization: string } } {
  return { headers: { Authorization: `Bearer ${key}` } };
}

async function list(url: string, headers: Record<string, string> = {}): Promise<Listed> {
  const reply = await send(`${url}/-/operations`, { headers });
  assert.equal(reply.status, 200);
  return reply.json() as unknown as Listed;
}

test('a browser gets the page at /, with a strict policy; curl and HTTPie get a text with commands to try', async (t) => {
  const origin = await startOrigin(t, (_request, response) => response.end());
  const { url } = await startTestProxy(t, origin.url);
  const page = await send(`${url}/`, { headers: browser });
  assert.equal(page.status, 200);
  assert.match(String(page.headers['content-type']), /^text\/html/);
  assert.match(page.body.toString(), /<script type="module" src="\/-\/assets\/page.js">/);
  assert.match(String(page.headers['content-security-policy']), /default-src 'self'.*frame-ancestors 'none'/);
  assert.equal(page.headers['x-content-type-options'], 'nosniff');
  assert.equal(page.headers['referrer-policy'], 'no-referrer');
  assert.equal(page.headers['cross-origin-opener-policy'], 'same-origin');
  assert.equal(page.headers['access-control-allow-origin'], undefined);
  const text = await send(`${url}/`, { headers: { Accept: '*/*' } });
  assert.match(String(text.headers['content-type']), /^text\/plain/);
  assert.equal(text.body.toString().match(/^ {2}curl /gm)?.length, 3);
  assert.equal(origin.received.length, 0);
  // A program that names nothing that it accepts gets what MAAS says of its root.
  await send(`${url}/`);
  assert.deepEqual(
    origin.received.map(({ target }) => target),
    ['/MAAS/api/2.0/'],
  );
});

test('the files of the page come compressed as the browser takes them, and not again where it has them', async (t) => {
  const origin = await startOrigin(t, (_request, response) => response.end());
  const { url } = await startTestProxy(t, origin.url);
  const file = `${url}/-/assets/page.js`;
  const plain = await send(file);
  assert.match(String(plain.headers['content-type']), /javascript/);
  assert.equal(plain.headers['cache-control'], 'no-cache');
  const gzip = await send(file, { headers: { 'Accept-Encoding': 'gzip' } });
  assert.equal(gzip.headers['content-encoding'], 'gzip');
  assert.deepEqual(gunzipSync(gzip.body), plain.body);
  const brotli = await send(file, { headers: { 'Accept-Encoding': 'gzip, deflate, br' } });
  assert.equal(brotli.headers['content-encoding'], 'br');
  assert.deepEqual(brotliDecompressSync(brotli.body), plain.body);
  assert.ok(brotli.body.length < 120 * 1024);
  const again = await send(file, { headers: { 'If-None-Match': String(plain.headers['etag']) } });
  assert.equal(again.status, 304);
  assert.equal(again.body.length, 0);
});

test('nothing below /-/ goes to MAAS, and what is not there is a 404', async (t) => {
  const origin = await startOrigin(t, (_request, response) => response.end());
  const { url } = await startTestProxy(t, origin.url);
  for (const path of ['/-/', '/-/x', '/-/assets/', '/-/assets/../page.js', '/-/assets/page.ts', '/-/constructor']) {
    const reply = await send(`${url}${path}`);
    assert.equal(reply.status, 404, path);
    assert.equal(reply.json()['code'], 'outside-api');
    assert.equal(reply.headers['x-content-type-options'], 'nosniff');
  }
  assert.equal((await send(`${url}/-/me`, { method: 'POST' })).status, 404);
  assert.equal(origin.received.length, 0);
});

test('with --no-page all of it goes to MAAS, as any path', async (t) => {
  const origin = await startOrigin(t, (_request, response) => response.end());
  const { url } = await startTestProxy(t, origin.url, { flags: ['--no-page'] });
  await send(`${url}/`, { headers: browser });
  await send(`${url}/-/me`);
  assert.deepEqual(
    origin.received.map(({ target }) => target),
    ['/MAAS/api/2.0/', '/MAAS/api/2.0/-/me/'],
  );
});

test('a web page of another origin reads nothing, nor does a foreign Host', async (t) => {
  const { url } = await startOnSimulator(t);
  for (const path of ['/', '/-/me', '/-/operations', '/-/assets/page.js']) {
    assert.equal(
      (await send(url + path, { headers: { ...browser, 'Sec-Fetch-Site': 'cross-site' } })).status,
      403,
      path,
    );
    assert.equal((await send(url + path, { headers: { ...browser, Host: 'evil.example' } })).status, 421, path);
  }
});

test('the page lists every operation, and what the policy says of it', async (t) => {
  const { url } = await startOnSimulator(t, ['--policy', 'read-only']);
  const { operations } = await list(url);
  assert.ok(operations.length > 300);
  const of = (name: string) => operations.find((one) => one.name === name);
  const powerOff = of('POST machines/{system_id} power_off');
  assert.equal(powerOff?.allowed, false);
  assert.equal(powerOff.class, 'unsafe');
  assert.equal(powerOff.path, 'machines/{system_id}/');
  assert.ok(powerOff.parameters.some((parameter) => parameter.name === 'system_id' && parameter.in === 'path'));
  assert.deepEqual([of('GET machines')?.allowed, of('GET machines')?.rule], [true, 'allow GET **']);
  assert.equal(of('GET account list_authorisation_tokens')?.allowed, false);
});

test('operations have their names where MAAS does not respond, and a foreign description names what is not known', async (t) => {
  const origin = await startOrigin(t, (request, response) => {
    if (request.url?.includes('/describe/') !== true) response.writeHead(404).end();
    else
      response.end(
        JSON.stringify({
          handlers: [
            {
              name: 'NewHandler',
              params: [],
              path: '/MAAS/api/2.0/novelties/',
              actions: [{ doc: 'New', method: 'GET', op: 'list' }],
            },
          ],
        }),
      );
  });
  const known = await startTestProxy(t, origin.url);
  assert.deepEqual((await list(known.url)).unknown, ['GET novelties list']);
  const away = await startTestProxy(t, 'http://127.0.0.1:1');
  const { operations, unknown } = await list(away.url);
  assert.ok(operations.length > 300);
  assert.deepEqual(unknown, []);
});

test('the page knows whose the key is, and which MAAS', async (t) => {
  const { url, log } = await startOnSimulator(t);
  const me = (await send(`${url}/-/me`)).json();
  assert.equal((me['user'] as { administrator: boolean }).administrator, true);
  assert.match(String((me['maas'] as { version: string }).version), /^3\./);
  assert.equal(me['policy'], 'standard');
  assert.equal(me['client'], null);
  const entries = log.filter(({ msg }) => msg === 'request');
  assert.deepEqual(
    entries.map(({ operation, level }) => [operation, level]),
    [['page', 20]],
  );
});

test('in a gateway the page needs no key, and what it tells needs one', async (t) => {
  const origin = await startOrigin(t, (_request, response) => response.end('[]'));
  const ann = give('ann', { policy: 'read-only' });
  const { url } = await startGateway(t, origin.url, [ann]);
  assert.equal((await send(`${url}/`, { headers: browser })).status, 200);
  assert.equal((await send(`${url}/-/assets/page.css`)).status, 200);
  for (const path of ['/-/me', '/-/operations', '/-/requests']) assert.equal((await send(url + path)).status, 401);
  const me = (await send(`${url}/-/me`, as(ann.key))).json();
  assert.deepEqual([me['client'], me['policy']], ['ann', 'read-only']);
});

test("a page sees its own client's requests as they end, and nobody else's", async (t) => {
  const origin = await startOrigin(t, (_request, response) => response.end('[]'));
  const [ann, bob] = [give('ann'), give('bob')];
  const { url } = await startGateway(t, origin.url, [ann, bob]);
  const [stream] = (await once(get(`${url}/-/requests`, { ...as(ann.key), agent: false }), 'response')) as [
    IncomingMessage,
  ];
  assert.equal(stream.headers['content-type'], 'text/event-stream');
  await send(`${url}/machines/?secret=x`, as(bob.key));
  await send(`${url}/zones/?secret=x`, as(ann.key));
  let text = '';
  stream.setEncoding('utf8');
  for await (const chunk of stream) {
    text += String(chunk);
    if (text.includes('data:') && text.endsWith('\n\n')) break;
  }
  const event = JSON.parse(/^data: (.*)$/m.exec(text)?.[1] ?? '') as Record<string, unknown>;
  assert.equal(event['operation'], 'GET zones');
  assert.equal(event['client'], 'ann');
  assert.equal(event['status'], 200);
  assert.equal('peer' in event, false);
  assert.doesNotMatch(text, /secret=x|GET machines/);
});

/** Follows the live requests with a client's key; the function resolves with the next event. */
async function follow(t: TestContext, url: string, key: string): Promise<() => Promise<Record<string, unknown>>> {
  const [stream] = (await once(get(`${url}/-/requests`, { ...as(key), agent: false }), 'response')) as [
    IncomingMessage,
  ];
  t.after(() => stream.destroy());
  assert.equal(stream.statusCode, 200);
  const chunks = stream.setEncoding('utf8')[Symbol.asyncIterator]();
  let text = '';
  return async () => {
    for (;;) {
      const event = /^data: (.*)\n\n/m.exec(text);
      if (event !== null) {
        text = text.slice(event.index + event[0].length);
        return JSON.parse(event[1] ?? '') as Record<string, unknown>;
      }
      const { done, value } = await chunks.next();
      assert.ok(done !== true, 'the stream goes on');
      text += String(value);
    }
  };
}

test('what the page asks for counts as any request of its client; the page itself is free', async (t) => {
  const origin = await startOrigin(t, (_request, response) => response.end('[]'));
  const [ann, bob] = [give('ann', { limits: { perMinute: 3 } }), give('bob')];
  const { url } = await startGateway(t, origin.url, [ann, bob]);
  for (let index = 0; index < 5; index += 1) assert.equal((await send(`${url}/-/assets/page.css`)).status, 200);
  const statuses: number[] = [];
  for (const path of ['/-/me', '/-/operations', '/users/', '/-/me', '/-/requests', '/users/']) {
    // HEAD: were the stream let through, its end would be waited for.
    const method = path === '/-/requests' ? 'HEAD' : 'GET';
    statuses.push((await send(url + path, { method, ...as(ann.key) })).status);
  }
  assert.deepEqual(statuses, [200, 200, 200, 429, 429, 429]);
  assert.equal((await send(`${url}/-/me`, as(bob.key))).status, 200);
});

test('an open page locks no client out that may send one request at a time', async (t) => {
  const origin = await startOrigin(t, (_request, response) => response.end('[]'));
  const ann = give('ann', { limits: { atOnce: 1 } });
  const { url } = await startGateway(t, origin.url, [ann]);
  const next = await follow(t, url, ann.key);
  assert.equal((await send(`${url}/users/`, as(ann.key))).status, 200);
  assert.equal((await next())['operation'], 'GET users');
  assert.equal((await send(`${url}/-/me`, as(ann.key))).status, 200);
});

test('the live requests say of a problem what happened and what to do, as its client was told', async (t) => {
  const origin = await startOrigin(t, (_request, response) => response.end('[]'));
  const ann = give('ann', { policy: 'read-only' });
  const { url } = await startGateway(t, origin.url, [ann]);
  const next = await follow(t, url, ann.key);
  assert.equal((await send(`${url}/users/`, as(ann.key))).status, 200);
  assert.equal('detail' in (await next()), false);
  const refused = await send(`${url}/tags/`, { method: 'POST', ...as(ann.key) });
  const { title, detail, code } = refused.json();
  const event = await next();
  assert.deepEqual([event['title'], event['detail'], event['code']], [title, detail, code]);
  assert.equal(code, 'policy-refused');
});

test('a stopping proxy does not wait for the pages that look on', async (t) => {
  const origin = await startOrigin(t, (_request, response) => response.end('[]'));
  const { url, stop } = await startTestProxy(t, origin.url);
  const [stream] = (await once(get(`${url}/-/requests`, { agent: false }), 'response')) as [IncomingMessage];
  stream.resume();
  const ended = once(stream, 'end');
  assert.equal((await send(`${url}/-/requests`, { method: 'HEAD' })).status, 200);
  assert.equal(await stop(), 0);
  await ended;
});

test("a file of MAAS's that a browser would show as a page is in a sandbox; a program's response is as it was", async (t) => {
  const origin = await startOrigin(t, (_request, response) =>
    response.setHeader('Content-Type', 'text/html').end('<script>1</script>'),
  );
  const { url } = await startTestProxy(t, origin.url);
  for (const headers of [{ 'Sec-Fetch-Mode': 'navigate' }, { 'Sec-Fetch-Dest': 'iframe' }]) {
    const shown = await send(`${url}/files/x/`, { headers });
    assert.equal(shown.headers['content-security-policy'], 'sandbox');
    assert.equal(shown.headers['x-content-type-options'], 'nosniff');
  }
  const read = await send(`${url}/files/x/`, { headers: { 'Sec-Fetch-Mode': 'cors', 'Sec-Fetch-Dest': 'empty' } });
  assert.equal(read.headers['content-security-policy'], undefined);
});
