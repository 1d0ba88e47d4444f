// MAAS_URL that leads back to the proxy itself, or to one that leads back: without an end where nobody notices.
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { startSimulator } from '../../src/simulator/simulator.ts';
import { runCli, startCli, type Running } from '../support/cli.ts';
import { startGateway, give } from '../support/gateway.ts';
import { freePorts } from '../support/ports.ts';
import { canaryKey, startTestProxy } from '../support/proxy.ts';
import { send } from '../support/request.ts';

const limit = { timeout: 60_000 };
const sentence = /The request came back to a proxy that had sent it on: MAAS_URL.*Set it to the address of MAAS itself/;

/** A proxy at this port, in front of whatever is at that one; it must not end by its drain time. */
async function start(t: TestContext, port: number, maasPort: number, flags: readonly string[] = []): Promise<Running> {
  const env = { MAAS_URL: `http://127.0.0.1:${maasPort}`, MAAS_API_KEY: canaryKey };
  const args = ['--port', String(port), '--admin-port', 'off', '--drain-timeout', '600', ...flags];
  const running = startCli(t, args, env);
  await running.printed(/listening on/);
  return running;
}

function logged(running: Running, path: string): Record<string, unknown>[] {
  return running
    .output()
    .split('\n')
    .filter((line) => line.includes(`"path":"${path}`))
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

for (const flags of [[], ['--cache-ttl', '1'], ['--no-coalesce']]) {
  test(
    `a proxy that is its own MAAS answers 508 at once, says it at the start, and ends at once: ${flags.join(' ')}`,
    limit,
    async (t) => {
      const [port = 0] = await freePorts(1);
      const running = await start(t, port, port, flags);
      await running.printed(new RegExp(`MAAS is not ready: ${sentence.source}`));
      for (const method of ['GET', 'POST']) {
        const reply = await send(`http://127.0.0.1:${port}/zones/`, { method });
        assert.deepEqual([reply.status, reply.json()['code']], [508, 'loop-detected']);
        assert.match(String(reply.json()['detail']), sentence);
        assert.match(String(reply.headers['proxy-status']), /^maas-auth-proxy; error=proxy_loop_detected/);
      }
      running.child.kill('SIGINT');
      const { code } = await running.ended;
      assert.equal(code, 0);
      assert.equal(logged(running, '/zones/').length + logged(running, '/MAAS/api/2.0/zones/').length, 4);
    },
  );
}

test('two proxies that are the MAAS of each other answer 508 at once, whichever is asked', limit, async (t) => {
  const [one = 0, two = 0] = await freePorts(2);
  const both = [await start(t, one, two), await start(t, two, one)];
  for (const port of [one, two]) {
    const reply = await send(`http://127.0.0.1:${port}/zones/`);
    assert.deepEqual([reply.status, reply.json()['code']], [508, 'loop-detected']);
  }
  for (const { child, ended } of both) {
    child.kill('SIGINT');
    assert.equal((await ended).code, 0);
  }
});

test('check says it where a proxy is its own MAAS, whether it runs or not', limit, async (t) => {
  const [one = 0, two = 0] = await freePorts(2);
  const env = { MAAS_URL: `http://localhost:${one}`, MAAS_API_KEY: canaryKey };
  const still = await runCli(t, ['check', '--port', String(one)], env);
  assert.equal(still.code, 1);
  assert.match(still.stdout, /is the address that the proxy itself listens on/);
  await start(t, one, two);
  await start(t, two, one);
  const { code, stdout } = await runCli(t, ['check'], env);
  assert.equal(code, 1);
  assert.match(stdout, /MAAS +The request came back to a proxy that had sent it on/);
  assert.match(stdout, /Set it to the address of MAAS itself/);
});

test('a gateway that is its own MAAS says so before it asks for a key', limit, async (t) => {
  const ann = give('ann');
  const [port = 0] = await freePorts(1);
  const proxy = await startGateway(t, `http://127.0.0.1:${port}`, [ann], { flags: ['--port', String(port)] });
  const reply = await send(`${proxy.url}/zones/`, { headers: { Authorization: `Bearer ${ann.key}` } });
  assert.deepEqual([reply.status, reply.json()['code']], [508, 'loop-detected']);
});

test('a proxy before another proxy before MAAS is no loop, and MAAS is told of both', limit, async (t) => {
  const maas = await startSimulator({ machines: 1 });
  t.after(() => maas.close());
  const inner = await startTestProxy(t, maas.url, { key: maas.adminKey });
  const outer = await startTestProxy(t, inner.url);
  assert.equal((await send(`${outer.url}/zones/`)).status, 200);
  const { rawHeaders } = maas.received.at(-1) ?? assert.fail('nothing came');
  const via = rawHeaders[rawHeaders.findIndex((name) => name === 'Via') + 1] ?? '';
  const [, first, second] = /^1\.1 (maas-auth-proxy-[\da-f]{16}), 1\.1 (maas-auth-proxy-[\da-f]{16})$/.exec(via) ?? [];
  assert.ok(first !== undefined && second !== undefined && first !== second, via);
});

test(
  'of several regions one that leads back to the proxy is left alone, and reads go to the others',
  limit,
  async (t) => {
    const maas = await startSimulator({ machines: 1 });
    t.after(() => maas.close());
    const [port = 0] = await freePorts(1);
    const urls = `http://127.0.0.1:${port},${maas.url}`;
    const proxy = await startTestProxy(t, urls, { key: maas.adminKey, flags: ['--port', String(port)] });
    for (let count = 0; count < 6; count += 1) assert.equal((await send(`${proxy.url}/zones/`)).status, 200);
    assert.equal(proxy.upstream.regions()[0]?.lastError?.code, 'loop-detected');
  },
);
