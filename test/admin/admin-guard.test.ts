// The admin listener is no more for web pages than the proxy's own port is: steps 1 and 2 are taken there too.
import assert from 'node:assert/strict';
import { hostname, networkInterfaces } from 'node:os';
import { test, type TestContext } from 'node:test';
import { startSimulator } from '../../src/simulator/simulator.ts';
import { runCli } from '../support/cli.ts';
import { startTestProxy } from '../support/proxy.ts';
import { connectRaw, sendRaw } from '../support/raw.ts';
import { send } from '../support/request.ts';

const paths = ['/livez', '/readyz', '/metrics', '/nothing'];

/** The address of an admin listener with these flags. */
async function startAdmin(t: TestContext, flags: readonly string[] = []): Promise<string> {
  const maas = await startSimulator({ machines: 1 });
  t.after(() => maas.close());
  const { adminUrl } = await startTestProxy(t, maas.url, { key: maas.adminKey, flags });
  return adminUrl ?? assert.fail('no admin listener');
}

/** A raw GET with these header lines. @returns the status, and the problem's code where it is one */
async function ask(
  t: TestContext,
  adminUrl: string,
  { path = '/metrics', lines, version = '1.1' }: { path?: string; lines: readonly string[]; version?: string },
): Promise<{ status: number; code: unknown; text: string }> {
  const request = [`GET ${path} HTTP/${version}`, ...lines, 'Connection: close', '', ''].join('\r\n');
  const { head, body, text } = await sendRaw(t, adminUrl, request);
  const isProblem = /^content-type: application\/problem\+json/im.test(head);
  return {
    status: Number(/^HTTP\/1\.1 (\d{3}) /.exec(head)?.[1]),
    code: isProblem ? (JSON.parse(body) as Record<string, unknown>)['code'] : undefined,
    text,
  };
}

test('a page whose name was rebound to this address reads nothing of the admin listener: 421', async (t) => {
  const adminUrl = await startAdmin(t);
  const { port } = new URL(adminUrl);
  for (const path of paths) {
    for (const name of ['rebound.example', `rebound.example:${port}`, 'localhost.evil.example', '0.0.0.0', '127.1']) {
      const { status, code, text } = await ask(t, adminUrl, { path, lines: [`Host: ${name}`] });
      assert.deepEqual([status, code], [421, 'unknown-host'], text);
      assert.match(text, /add the name to --allowed-hosts \(ALLOWED_HOSTS\)/);
      assert.doesNotMatch(text, /maas_auth_proxy_|ready|alive|requestId|access-control/i);
    }
  }
  const absolute = await ask(t, adminUrl, { path: 'http://rebound.example/metrics', lines: ['Host: localhost'] });
  assert.equal(absolute.status, 421);
});

test('two Hosts, a broken one, or none: 400', async (t) => {
  const adminUrl = await startAdmin(t, ['--allowed-hosts', '*']);
  for (const lines of [[], ['Host: localhost', 'Host: x.example'], ['Host: a@localhost'], ['Host:']]) {
    const { status, code } = await ask(t, adminUrl, { lines });
    assert.deepEqual([status, code], [400, 'bad-host'], lines.join());
  }
});

test('a page of another origin gets nothing, whatever the Host: 403', async (t) => {
  const adminUrl = await startAdmin(t);
  const { host } = new URL(adminUrl);
  for (const path of paths) {
    for (const headers of [
      { Origin: 'http://evil.example' },
      { Origin: 'null' },
      { Origin: 'http://localhost:8240' },
      { 'Sec-Fetch-Site': 'cross-site' },
      // The proxy's own port is the same site, and another origin.
      { 'Sec-Fetch-Site': 'same-site' },
    ] as Record<string, string>[]) {
      for (const method of ['GET', 'HEAD', 'OPTIONS', 'POST']) {
        const { status, headers: answered } = await send(adminUrl + path, { method, headers });
        assert.equal(status, 403, `${method} ${path} ${JSON.stringify(headers)}`);
        assert.deepEqual(
          Object.keys(answered).filter((name) => name.startsWith('access-control')),
          [],
        );
      }
    }
  }
  for (const headers of [{ 'Sec-Fetch-Site': 'none' }, { Origin: `http://${host}`, 'Sec-Fetch-Site': 'same-origin' }]) {
    assert.equal((await send(`${adminUrl}/livez`, { headers })).status, 200, JSON.stringify(headers));
  }
});

test('by loopback names, by the address connected to, and by --allowed-hosts it is called as before', async (t) => {
  const adminUrl = await startAdmin(t, ['--allowed-hosts', 'metrics.example']);
  for (const name of ['localhost', '127.0.0.1:8241', '[::1]', 'Metrics.example:9090', 'LOCALHOST.']) {
    for (const path of ['/livez', '/readyz', '/metrics']) {
      assert.equal((await ask(t, adminUrl, { path, lines: [`Host: ${name}`] })).status, 200, name);
    }
  }
  const any = await startAdmin(t, ['--allowed-hosts', '*']);
  assert.equal((await ask(t, any, { lines: ['Host: whatever.example'] })).status, 200);
});

test('the probes of a kubelet, and Prometheus, which call a pod by its address, are answered', async (t) => {
  const own = Object.values(networkInterfaces())
    .flat()
    .find((one) => one?.family === 'IPv4' && !one.internal)?.address;
  // Where the machine has no network the second loopback address stands for the pod's.
  const address = own ?? '127.0.0.2';
  for (const adminHost of ['0.0.0.0', '::']) {
    const { port } = new URL(await startAdmin(t, ['--admin-host', adminHost]));
    const at = `http://${address}:${port}`;
    for (const path of ['/livez', '/readyz', '/metrics']) {
      assert.equal(
        (await ask(t, at, { path, lines: [`Host: ${address}:${port}`] })).status,
        200,
        `${adminHost} ${path}`,
      );
    }
    assert.equal((await ask(t, at, { lines: ['Host: rebound.example'] })).status, 421);
    assert.equal((await ask(t, at, { lines: ['Host: 192.0.2.1'] })).status, 421, 'the address of something else');
  }
});

test("HAProxy's health check, which is HTTP/1.0 without a Host, is answered; no browser sends that", async (t) => {
  const adminUrl = await startAdmin(t);
  assert.equal((await ask(t, adminUrl, { path: '/readyz', lines: [], version: '1.0' })).status, 200);
  const named = { path: '/readyz', lines: ['Host: rebound.example'], version: '1.0' };
  assert.equal((await ask(t, adminUrl, named)).status, 421);
});

test('what is refused does not stop the next request on the connection', async (t) => {
  const adminUrl = await startAdmin(t);
  const { socket, received } = await connectRaw(t, adminUrl);
  socket.write('GET /metrics HTTP/1.1\r\nHost: rebound.example\r\n\r\nGET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n');
  await received(/421 [^]*HTTP\/1\.1 200 [^]*\{"status":"alive"\}/);
});

test('the healthcheck command works whatever name or address the admin listener has', async (t) => {
  for (const adminHost of ['127.0.0.1', '127.0.0.2', 'localhost', '0.0.0.0', '::', hostname()]) {
    const { port } = new URL(await startAdmin(t, ['--admin-host', adminHost]));
    const flags = ['--admin-host', adminHost, '--admin-port', port];
    const { code, stdout, stderr } = await runCli(t, ['healthcheck', ...flags]);
    assert.deepEqual([code, stdout.trim()], [0, '{"status":"alive"}'], `${adminHost}: ${stderr}`);
  }
});
