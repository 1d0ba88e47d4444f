// Step 2: what browsers say of a request that somebody else's page sends. chromium.system-test.ts proves that they do say it.
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { startOrigin, type Origin } from '../support/origin.ts';
import { startTestProxy } from '../support/proxy.ts';
import { sendRaw } from '../support/raw.ts';
import { send, type Reply } from '../support/request.ts';

interface Setting {
  readonly origin: Origin;
  /** The proxy's address by the name `localhost`. */
  readonly url: string;
  readonly port: string;
}

async function start(t: TestContext, flags: readonly string[] = []): Promise<Setting> {
  const origin = await startOrigin(t);
  const { port } = new URL((await startTestProxy(t, origin.url, { flags })).url);
  return { origin, url: `http://localhost:${port}`, port };
}

function assertCrossSite(reply: Reply, { origin }: Setting, what: string): void {
  assert.equal(reply.status, 403, what);
  assert.equal(reply.headers['content-type'], 'application/problem+json', what);
  assert.equal(reply.headers['proxy-status'], 'maas-auth-proxy; error=http_request_denied', what);
  const problem = reply.json();
  assert.equal(problem['code'], 'cross-site', what);
  assert.match(String(problem['detail']), /web page of another origin.*\.$/, what);
  assert.equal(origin.received.length, 0, what);
  assert.deepEqual(corsFields(reply), [], what);
}

function corsFields({ headers }: Reply): string[] {
  return Object.keys(headers).filter((name) => name.startsWith('access-control-'));
}

const body = 'name=lab';
const form = { 'Content-Type': 'application/x-www-form-urlencoded', 'Content-Length': String(body.length) };

for (const [what, value] of [
  ['another host', 'http://evil.example'],
  ['another host with the port', 'http://evil.example:PORT'],
  ['null, as from a sandboxed frame', 'null'],
  ['null in upper case', 'NULL'],
  ['its own host without the port', 'http://localhost'],
  ['another port', 'http://localhost:1'],
  ['https', 'https://localhost:PORT'],
  ['another of its names', 'http://127.0.0.1:PORT'],
  ['its name with a dot, which Host has not', 'http://localhost.:PORT'],
  ['a name that begins like its own', 'http://localhost:PORT.evil.example'],
  ['a name that ends like its own', 'http://evil.localhost:PORT'],
  ['user information', 'http://localhost:PORT@evil.example'],
  ['a slash at the end', 'http://localhost:PORT/'],
  ['a path', 'http://localhost:PORT/x'],
  ['no scheme', 'localhost:PORT'],
  ['a list', 'http://localhost:PORT http://evil.example'],
  ['an extension', 'chrome-extension://abcdefghijklmnop'],
  ['a file', 'file://'],
  ['an asterisk', '*'],
  ['nothing', ''],
] as const) {
  test(`Origin is ${what}: 403 for every method, and MAAS receives nothing: "${value}"`, async (t) => {
    const setting = await start(t);
    const headers = { Origin: value.replaceAll('PORT', setting.port) };
    for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS']) {
      const reply = await send(`${setting.url}/zones/`, {
        method,
        ...(method === 'POST' || method === 'PUT' ? { headers: { ...headers, ...form }, body } : { headers }),
      });
      if (method === 'HEAD') assert.deepEqual([reply.status, setting.origin.received.length], [403, 0]);
      else assertCrossSite(reply, setting, method);
    }
  });
}

test("the proxy's own origin passes, by each of its names", async (t) => {
  const { origin, port } = await start(t, ['--allowed-hosts', 'team.example']);
  for (const [host, value] of [
    [`localhost:${port}`, `http://localhost:${port}`],
    [`LocalHost:${port}`, `http://localhost:${port}`],
    [`127.0.0.1:${port}`, `http://127.0.0.1:${port}`],
    [`[::1]:${port}`, `http://[::1]:${port}`],
    ['team.example', 'http://team.example'],
  ] as const) {
    const headers = { Host: host, Origin: value, 'Sec-Fetch-Site': 'same-origin', ...form };
    const reply = await send(`http://127.0.0.1:${port}/zones/`, { method: 'POST', headers, body });
    assert.equal(reply.status, 200, value);
    assert.equal(origin.received.pop()?.body.toString(), body);
  }
});

for (const site of ['cross-site', 'same-site', 'Same-Origin', 'none, cross-site', 'same-origin, cross-site', 'x', '']) {
  test(`Sec-Fetch-Site "${site}" is 403, and MAAS receives nothing`, async (t) => {
    const setting = await start(t);
    for (const [method, mode, dest] of [
      ['GET', 'navigate', 'document'],
      ['GET', 'navigate', 'iframe'],
      ['GET', 'no-cors', 'image'],
      ['GET', 'cors', 'empty'],
      ['POST', 'no-cors', 'empty'],
      ['GET', 'websocket', 'websocket'],
    ] as const) {
      const headers = { 'Sec-Fetch-Site': site, 'Sec-Fetch-Mode': mode, 'Sec-Fetch-Dest': dest };
      assertCrossSite(await send(`${setting.url}/zones/`, { method, headers }), setting, `${method} ${mode} ${dest}`);
    }
    // The own origin beside it makes up for nothing.
    const headers = { 'Sec-Fetch-Site': site, Origin: setting.url };
    assertCrossSite(await send(`${setting.url}/zones/`, { headers }), setting, 'with the own Origin');
  });
}

for (const site of ['same-origin', 'none', undefined]) {
  test(`Sec-Fetch-Site ${site ?? 'missing, as from a program'}: forwarded, but not with another Origin`, async (t) => {
    const setting = await start(t);
    const headers = site === undefined ? {} : { 'Sec-Fetch-Site': site };
    assertCrossSite(
      await send(`${setting.url}/users/`, { headers: { ...headers, Origin: 'http://evil.example' } }),
      setting,
      'another Origin',
    );
    assert.equal((await send(`${setting.url}/users/`, { headers })).status, 200);
    assert.equal(setting.origin.received.length, 1);
  });
}

test('two Origins or two Sec-Fetch-Sites, the right one first or last: 403', async (t) => {
  const { origin, url, port } = await start(t);
  for (const lines of [
    [`Origin: http://localhost:${port}`, 'Origin: http://evil.example'],
    ['Origin: http://evil.example', `Origin: http://localhost:${port}`],
    [`Origin: http://localhost:${port}`, 'Origin: null'],
    ['Sec-Fetch-Site: same-origin', 'Sec-Fetch-Site: cross-site'],
    ['Sec-Fetch-Site: cross-site', 'sec-fetch-site: none'],
  ]) {
    const request = ['POST /zones/ HTTP/1.1', `Host: localhost:${port}`, ...lines, 'Content-Length: 0'];
    const { head } = await sendRaw(t, url, `${[...request, 'Connection: close'].join('\r\n')}\r\n\r\n`);
    assert.match(head, /^HTTP\/1\.1 403 /, lines.join());
  }
  assert.equal(origin.received.length, 0);
});

test('a preflight is 403 without a word that would allow anything, whatever it asks for', async (t) => {
  const setting = await start(t);
  for (const value of ['http://evil.example', 'null', `https://localhost:${setting.port}`]) {
    for (const asked of [
      { 'Access-Control-Request-Method': 'POST' },
      { 'Access-Control-Request-Method': 'PUT', 'Access-Control-Request-Headers': 'content-type,authorization' },
      { 'Access-Control-Request-Method': 'GET', 'Access-Control-Request-Private-Network': 'true' },
      { 'Access-Control-Request-Method': 'GET', 'Access-Control-Request-Local-Network': 'true' },
    ]) {
      const headers = { Origin: value, ...asked };
      for (const path of ['/zones/', '/MAAS/api/2.0/zones/', '/MAAS/', '/']) {
        assertCrossSite(await send(setting.url + path, { method: 'OPTIONS', headers }), setting, value);
      }
    }
  }
});

test('the browser is asked about before anything else is said: a page learns nothing of addresses or policy', async (t) => {
  const setting = await start(t);
  const headers = { Origin: 'http://evil.example' };
  for (const path of ['/MAAS/', '/%', '/users/?oauth_token=x', '/account/?op=list_authorisation_tokens', '/../']) {
    assertCrossSite(await send(setting.url + path, { headers }), setting, path);
  }
});

test('a body that came with it is not forwarded, nor taken for a request', async (t) => {
  const { origin, url, port } = await start(t);
  const smuggled = `GET /users/ HTTP/1.1\r\nHost: localhost:${port}\r\n\r\n`;
  for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/json']) {
    const lines = ['Host: localhost', 'Origin: null', `Content-Type: ${type}`, `Content-Length: ${smuggled.length}`];
    // The proxy closes behind the answer.
    const { text } = await sendRaw(t, url, `${['POST /zones/ HTTP/1.1', ...lines].join('\r\n')}\r\n\r\n${smuggled}`);
    assert.deepEqual(text.match(/^HTTP\/1\.1 \d+/gm), ['HTTP/1.1 403'], type);
  }
  assert.equal(origin.received.length, 0);
});

test('a WebSocket handshake from another origin is 403, and no connection is kept for it', async (t) => {
  const { origin, url, port } = await start(t);
  for (const line of ['Origin: http://evil.example', 'Sec-Fetch-Site: cross-site']) {
    const lines = [
      `Host: localhost:${port}`,
      'Connection: Upgrade, close',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
      line,
    ];
    const { head } = await sendRaw(t, url, `${['GET /users/ HTTP/1.1', ...lines].join('\r\n')}\r\n\r\n`);
    assert.match(head, /^HTTP\/1\.1 403 /);
  }
  assert.equal(origin.received.length, 0);
});

test('no answer ever has a CORS header, also where MAAS sends some', async (t) => {
  const origin = await startOrigin(t, (request, response) => {
    response.writeHead(Number(/status=(\d+)/.exec(request.url ?? '')?.[1] ?? 200), {
      'Access-Control-Allow-Origin': '*',
      'access-control-allow-credentials': 'true',
      'Access-Control-Allow-Methods': 'GET, POST',
      'Access-Control-Allow-Headers': '*',
      'Access-Control-Expose-Headers': 'X-Kept',
      'Access-Control-Max-Age': '600',
      'Access-Control-Allow-Private-Network': 'true',
      Location: '/MAAS/api/2.0/users/',
      'X-Kept': 'yes',
    });
    response.end('Authorization Error: Invalid API key.');
  });
  const { url } = await startTestProxy(t, origin.url);
  const { port } = new URL(url);
  const replies: [string, Reply][] = [];
  for (const status of [200, 204, 302, 304, 400, 401, 403, 404, 409, 500, 503]) {
    for (const method of ['GET', 'HEAD', 'POST', 'OPTIONS']) {
      const reply = await send(`${url}/zones/?status=${status}`, { method, headers: { Origin: url } });
      if (status !== 401) assert.equal(reply.headers['x-kept'], 'yes', `${method} ${status}`);
      replies.push([`${method} ${status}`, reply]);
    }
  }
  for (const path of ['/describe/', '/MAAS/api/2.0/openapi.yaml', '/version/']) {
    replies.push([path, await send(url + path, { headers: { Origin: url } })]);
  }
  assert.ok(origin.received.length >= 47);
  const arrived = origin.received.length;
  for (const [path, headers] of [
    ['/users/', { Host: 'evil.example', Origin: 'http://evil.example' }],
    ['/users/', { Host: '', Origin: 'null' }],
    ['/users/', { Origin: 'null' }],
    ['/MAAS/', { Origin: `http://127.0.0.1:${port}` }],
    ['/account/?op=list_authorisation_tokens', {}],
  ] as const) {
    replies.push([`${path} ${JSON.stringify(headers)}`, await send(url + path, { headers })]);
  }
  assert.equal(origin.received.length, arrived);
  for (const [what, reply] of replies) assert.deepEqual(corsFields(reply), [], what);
  for (const request of ['nonsense\r\n\r\n', 'CONNECT x:1 HTTP/1.1\r\nHost: x:1\r\n\r\n']) {
    assert.doesNotMatch((await sendRaw(t, url, request)).text, /access-control/i);
  }
});

test('what is pipelined behind a refused request with a body never reaches MAAS', async (t) => {
  const setting = await start(t);
  const refused = `POST /zones/ HTTP/1.1\r\nHost: localhost:${setting.port}\r\nOrigin: null\r\nContent-Length: 3\r\n\r\n`;
  const hidden = `POST /machines/?op=deploy HTTP/1.1\r\nHost: localhost:${setting.port}\r\nContent-Length: 0\r\n\r\n`;
  const { text } = await sendRaw(t, setting.url, `${refused}abc${hidden}`);
  assert.match(text, /^HTTP\/1\.1 403 [^]*\r\nConnection: close\r\n/);
  assert.equal(text.split('HTTP/1.1 ').length, 2, text);
  assert.equal(setting.origin.received.length, 0);
});
