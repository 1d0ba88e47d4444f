// What a line of the log says of a request, for people and for programs.
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { startSimulator } from '../../src/simulator/simulator.ts';
import { startCli, type Running } from '../support/cli.ts';
import { give, startGateway } from '../support/gateway.ts';
import { startOrigin } from '../support/origin.ts';
import { freePorts } from '../support/ports.ts';
import { canaryKey, startTestProxy, type TestProxy } from '../support/proxy.ts';
import { sendRaw, startRawMaas } from '../support/raw.ts';
import { send } from '../support/request.ts';
import { scrape } from '../support/scrape.ts';
import { until } from '../support/until.ts';

/** The program with its log for people, in front of this MAAS. */
async function startPretty(
  t: TestContext,
  maasUrl: string,
  env: Readonly<Record<string, string>> = {},
): Promise<{ running: Running; url: string }> {
  const running = startCli(t, ['--port', '0', '--admin-port', 'off'], {
    MAAS_URL: maasUrl,
    MAAS_API_KEY: canaryKey,
    LOG_FORMAT: 'pretty',
    ...env,
  });
  const [, url = ''] = await running.printed(/Address +(http:\S+)\n/);
  return { running, url };
}

/** The lines of requests, by their id: level, status and the rest that is asked for. */
async function lines({ log }: TestProxy, count: number): Promise<Record<string, unknown>[]> {
  const found = (): Record<string, unknown>[] => log.filter(({ msg }) => msg === 'request');
  await until(() => found().length >= count, `${count} lines`);
  return found();
}

const [debug, info, warn, error] = [20, 30, 40, 50];

test('a person reads which operation a request was, and the request id where it failed', async (t) => {
  const maas = await startSimulator({ machines: 1 });
  t.after(() => maas.close());
  const { running, url } = await startPretty(t, maas.url, { MAAS_API_KEY: maas.adminKey });
  const headers = { 'X-Request-Id': 'run-1' };
  await send(`${url}/machines/m00001/?op=lock`, { method: 'POST', headers });
  await running.printed(/INFO.*: 200 POST \/machines\/m00001\/\?op \[POST machines\/\{system_id\} lock\] [\d.]+ ms\n/);
  await send(`${url}/machines/nobody/`, { headers });
  await running.printed(
    /INFO.*: 404 GET \/machines\/nobody\/ \[GET machines\/\{system_id\}\] [\d.]+ ms \(request run-1\)\n/,
  );
  await send(`${url}/account/?op=create_authorisation_token`, { method: 'POST', headers });
  await running.printed(
    /WARN.*: 403 POST \/account\/\?op \[POST account create_authorisation_token\] [\d.]+ ms \(policy-refused; request run-1\)\n/,
  );
  await maas.close();
  await send(`${url}/zones/`, { headers });
  await running.printed(
    /ERROR.*: 502 GET \/zones\/ \[GET zones\] [\d.]+ ms \(maas-refused: .*ECONNREFUSED.*; request run-1\)\n/,
  );
});

test('what the proxy refuses is a warning, what fails an error, and what MAAS itself refuses or a client leaves is neither', async (t) => {
  let status = 200;
  const origin = await startOrigin(t, (_request, response) => {
    response.statusCode = status;
    response.end('no');
  });
  const ann = give('ann', { policy: ['GET machines/'], limits: { perMinute: 6 } });
  const proxy = await startGateway(t, origin.url, [ann]);
  const ask = (path: string, key: string = ann.key): Promise<unknown> =>
    send(proxy.url + path, { headers: { Authorization: `Bearer ${key}` } });
  await ask('/machines/');
  for (const next of [404, 409, 503]) {
    status = next;
    await ask('/machines/');
  }
  await ask('/machines/', 'nobody');
  await ask('/zones/');
  await ask('/MAAS/r/');
  await ask('/machines/');
  await ask('/machines/');
  const found = await lines(proxy, 9);
  assert.deepEqual(
    found.map(({ status: of, code, level }) => [of, code, level]),
    [
      [200, undefined, info],
      [404, undefined, info],
      [409, undefined, info],
      [503, undefined, error],
      [401, 'client-unknown', warn],
      [403, 'policy-refused', warn],
      [404, 'outside-api', warn],
      [503, undefined, error],
      [429, 'limit-reached', warn],
    ],
  );
});

test("what a browser asks for by itself, the page's icon, fills no log, but is counted", async (t) => {
  const origin = await startOrigin(t);
  const proxy = await startTestProxy(t, origin.url);
  await send(`${proxy.url}/favicon.ico`);
  await send(`${proxy.url}/favicon.ico?x`);
  const found = await lines(proxy, 2);
  assert.deepEqual(
    found.map(({ path, level }) => [path, level]),
    [
      ['/favicon.ico', debug],
      ['/favicon.ico?x', warn],
    ],
  );
  const series = await scrape(proxy.adminUrl);
  assert.equal(series.get('maas_auth_proxy_requests_total{operation="other",client="-",status="404"}'), 2);
});

test('CONNECT is a request like others in log and metrics, with its address but nobody’s key', async (t) => {
  const proxy = await startTestProxy(t, 'http://127.0.0.1:9');
  const head = `CONNECT ann:${canaryKey}@example.com:443 HTTP/1.1\r\nHost: example.com\r\nX-Request-Id: tunnel\r\n\r\n`;
  const { text } = await sendRaw(t, proxy.url, head);
  assert.match(text, /^HTTP\/1.1 405 [^]*\r\nX-Request-Id: tunnel\r\n/);
  const [line] = await lines(proxy, 1);
  const { level, method, path, status, code, requestId, verdict } = line ?? {};
  assert.deepEqual(
    { level, method, path, status, code, requestId, verdict },
    {
      level: warn,
      method: 'CONNECT',
      path: 'example.com:443',
      status: 405,
      code: 'method-not-forwarded',
      requestId: 'tunnel',
      verdict: 'refused',
    },
  );
  const series = await scrape(proxy.adminUrl);
  assert.equal(series.get('maas_auth_proxy_requests_total{operation="other",client="-",status="405"}'), 1);
});

test('what is no HTTP is told in a sentence, without the words of a parser', async (t) => {
  const { running, url } = await startPretty(t, 'http://127.0.0.1:9');
  for (const [raw, sentence] of [
    ['\x16\x03\x01\x02\x00', 'https, and this port speaks plain http'],
    ['nonsense\r\n\r\n', 'the first line does not begin with a method of HTTP'],
    ['GET /users/ HTTP/1.1\r\nHost: localhost\r\nA b: c\r\n\r\n', 'a header holds a character that none may'],
    ['GET /users/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1x\r\n\r\n', 'Content-Length is not one number'],
    ['GET /users/ HTP\r\n\r\n', '[^()]+'],
  ] as const) {
    await sendRaw(t, url, raw);
    await running.printed(
      new RegExp(`WARN.*: 400 no request from 127\\.0\\.0\\.1 \\(malformed-request: ${sentence}; request \\w{16}\\)\n`),
    );
  }
  assert.doesNotMatch(running.output(), /HPE_|Parse Error/);
});

test('a MAAS that answers no HTTP is told without the words of a parser', async (t) => {
  const maas = await startRawMaas(t, ({ socket }) => socket.end('SSH-2.0-OpenSSH\r\n'));
  const { running, url } = await startPretty(t, maas.url);
  assert.equal((await send(`${url}/users/`)).status, 502);
  await running.printed(/ERROR.*: 502 GET \/users\/ .*\(maas-broken-answer: .*; request/);
  assert.doesNotMatch(running.output(), /HPE_/);
});

test('where Redis does not answer, one sentence says so, and its cause is in it once', async (t) => {
  const origin = await startOrigin(t);
  const { running } = await startPretty(t, origin.url, { REDIS_URL: `redis://127.0.0.1:${(await freePorts(1))[0]}` });
  const [line] = await running.printed(/Redis does not answer.*\n/);
  assert.equal(line.split('ECONNREFUSED').length, 2, line);
  assert.match(line, /[^.]\.\n$/);
});
