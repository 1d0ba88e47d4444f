// Several replicas of a gateway with one Redis: one set of limits, one memory of signatures, and what happens without it.
import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { test, type TestContext } from 'node:test';
import { Redis } from 'ioredis';
import { give, oauth, writeClients, type Given } from '../support/gateway.ts';
import { startOrigin } from '../support/origin.ts';
import { freePorts } from '../support/ports.ts';
import { needProgram } from '../support/programs.ts';
import { startTestProxy, type TestProxy } from '../support/proxy.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { send } from '../support/request.ts';
import { until } from '../support/until.ts';

const password = 'CanaryRedisPassword00';

interface Setup {
  readonly redis: TestRedis;
  readonly port: number;
  readonly proxies: readonly [TestProxy, TestProxy];
  readonly held: ServerResponse[];
  restart(): Promise<TestRedis>;
}

/** Two replicas with one Redis; MAAS answers at once, but `/tags/` when it is told to. */
async function start(t: TestContext, clients: readonly Given[], flags: readonly string[]): Promise<Setup | undefined> {
  const command = await needProgram(t, 'redis-server');
  if (command === undefined) return undefined;
  const [port = 0] = await freePorts(1);
  const restart = (): Promise<TestRedis> => startRedis(t, command, port, ['--requirepass', password]);
  const redis = await restart();
  const held: ServerResponse[] = [];
  const maas = await startOrigin(t, ({ url = '' }, response) => {
    if (url.includes('/tags/')) held.push(response);
    else response.end('ok');
  });
  const file = writeClients(t, clients);
  const env = { REDIS_URL: `redis://:${password}@127.0.0.1:${port}` };
  const replica = (): Promise<TestProxy> =>
    startTestProxy(t, maas.url, { flags: ['--clients-file', file, '--no-coalesce', ...flags], env });
  return { redis, port, proxies: [await replica(), await replica()], held, restart };
}

const ask = async ({ url }: TestProxy, authorization: string, path = '/users/'): Promise<number> =>
  (await send(url + path, { headers: { Authorization: authorization } })).status;

const logged = ({ log }: TestProxy, pattern: RegExp): number =>
  log.filter(({ msg }) => pattern.test(String(msg))).length;

test('the requests of a minute are those at all replicas together', async (t) => {
  const [ann, bob] = [give('ann'), give('bob')];
  const setup = await start(t, [ann, bob], ['--client-rate-limit', '4']);
  if (setup === undefined) return;
  const [one, two] = setup.proxies;
  const found: number[] = [];
  for (const proxy of [one, two, one, two, one, two]) found.push(await ask(proxy, `Bearer ${ann.key}`));
  assert.deepEqual(found, [200, 200, 200, 200, 429, 429]);
  const { headers } = await send(`${two.url}/users/`, { headers: { Authorization: `Bearer ${ann.key}` } });
  assert.match(String(headers['retry-after']), /^(?:1[0-5]|[1-9])$/);
  assert.equal(await ask(two, `Bearer ${bob.key}`), 200);
});

test('of many at once at two replicas exactly as many pass as the limit says', async (t) => {
  const ann = give('ann');
  const setup = await start(t, [ann], ['--rate-limit', '20', '--max-requests', '100']);
  if (setup === undefined) return;
  const [one, two] = setup.proxies;
  const since = performance.now();
  const found = await Promise.all(
    Array.from({ length: 80 }, (_, index) => ask(index % 2 ? one : two, `Bearer ${ann.key}`)),
  );
  const passed = found.filter((status) => status === 200).length;
  // At 20 a minute one more passes each 3 s.
  const most = 20 + Math.ceil((performance.now() - since) / 3_000);
  assert.ok(passed >= 20 && passed <= most, `${passed} passed`);
  assert.equal(found.filter((status) => status === 429).length, 80 - passed);
});

test('the requests at once are those at all replicas together', async (t) => {
  const ann = give('ann', { limits: { atOnce: 2 } });
  const setup = await start(t, [ann], []);
  if (setup === undefined) return;
  const [one, two] = setup.proxies;
  const bearer = `Bearer ${ann.key}`;
  const pending = [ask(one, bearer, '/tags/'), ask(two, bearer, '/tags/')];
  await until(() => setup.held.length === 2, 'one at each');
  assert.deepEqual([await ask(one, bearer), await ask(two, bearer)], [429, 429]);
  setup.held.shift()?.end();
  await Promise.race(pending);
  let last = 0;
  // The end of a request is told to Redis behind its answer.
  await until(() => {
    void ask(two, bearer).then((status) => (last = status));
    return last === 200;
  }, 'room again');
  setup.held.shift()?.end();
  assert.deepEqual(await Promise.all(pending), [200, 200]);
});

test('a signature that one replica has seen is refused by the other, in words that MAAS clients know', async (t) => {
  const ann = give('ann');
  const setup = await start(t, [ann], []);
  if (setup === undefined) return;
  const [one, two] = setup.proxies;
  const signed = oauth(ann.key);
  assert.equal(await ask(one, signed), 200);
  const { status, body } = await send(`${two.url}/users/`, { headers: { Authorization: signed } });
  assert.equal(status, 401);
  assert.match(body.toString(), /^Authorization Error: 'Nonce already used: /);
  assert.equal(await ask(two, oauth(ann.key)), 200);

  // A replica whose clock is behind takes a signature for longer.
  const redis = new Redis(`redis://:${password}@127.0.0.1:${setup.port}`);
  t.after(() => redis.disconnect());
  const left = await Promise.all((await redis.keys('*nonce:*')).map((key) => redis.pttl(key)));
  assert.equal(left.length, 2);
  for (const ms of left) assert.ok(ms > 350_000 && ms <= 361_000, `${ms} ms`);
});

test('without Redis, open: each goes by its own memory, says so once, and is back when Redis is', async (t) => {
  const ann = give('ann');
  const setup = await start(t, [ann], ['--client-rate-limit', '50']);
  if (setup === undefined) return;
  const [one, two] = setup.proxies;
  const seen = oauth(ann.key);
  assert.equal(await ask(one, seen), 200);
  await setup.redis.kill();
  await until(() => [one, two].every((proxy) => logged(proxy, /^Redis does not answer/) === 1), 'the word of it');
  assert.equal(await ask(one, seen), 401);
  const signed = oauth(ann.key);
  assert.deepEqual([await ask(one, signed), await ask(one, signed), await ask(two, signed)], [200, 401, 200]);
  for (let index = 0; index < 20; index += 1) assert.equal(await ask(two, `Bearer ${ann.key}`), 200);
  assert.equal(logged(two, /^Redis does not answer/), 1);

  await setup.restart();
  await until(() => [one, two].every((proxy) => logged(proxy, /^Redis answers/) === 2), 'Redis again');
  const another = oauth(ann.key);
  assert.deepEqual([await ask(one, another), await ask(two, another)], [200, 401]);
});

test('without Redis, closed: 503 with Retry-After, and nothing is sent', async (t) => {
  const ann = give('ann');
  const setup = await start(t, [ann], ['--redis-failure', 'closed', '--client-rate-limit', '50']);
  if (setup === undefined) return;
  const [one] = setup.proxies;
  await setup.redis.kill();
  await until(() => logged(one, /^Redis does not answer .*closed/) === 1, 'the word of it');
  for (const authorization of [oauth(ann.key), `Bearer ${ann.key}`]) {
    const { status, headers, json } = await send(`${one.url}/users/`, { headers: { Authorization: authorization } });
    assert.deepEqual([status, headers['retry-after'], json()['code']], [503, '5', 'redis-away']);
  }
  await setup.restart();
  await until(() => logged(one, /^Redis answers/) === 2, 'Redis again');
  assert.equal(await ask(one, oauth(ann.key)), 200);
});

test('a Redis that hangs holds a request up for a moment, and the next not at all', async (t) => {
  const ann = give('ann');
  const setup = await start(t, [ann], ['--client-rate-limit', '50']);
  if (setup === undefined) return;
  const [one] = setup.proxies;
  setup.redis.child.kill('SIGSTOP');
  // They would wait for ever.
  assert.equal(await ask(one, `Bearer ${ann.key}`), 200);
  assert.equal(logged(one, /^Redis does not answer \(timeout\)/), 1);
  assert.equal(await ask(one, `Bearer ${ann.key}`), 200);
  setup.redis.child.kill('SIGCONT');
  await until(() => logged(one, /^Redis answers/) === 2, 'Redis again');
});

test('a Redis that refuses the password, or was never there, is no reason not to start, and is told without the password', async (t) => {
  const command = await needProgram(t, 'redis-server');
  if (command === undefined) return;
  const maas = await startOrigin(t);
  const [port = 0, nowhere = 0] = await freePorts(2);
  await startRedis(t, command, port, ['--requirepass', 'another']);
  for (const [url, cause] of [
    [`redis://:${password}@127.0.0.1:${port}`, /^(?:WRONGPASS|NOAUTH)$/],
    [`redis://:${password}@127.0.0.1:${nowhere}`, /^ECONNREFUSED$/],
  ] as const) {
    const proxy = await startTestProxy(t, maas.url, { env: { REDIS_URL: url }, flags: ['--client-rate-limit', '50'] });
    assert.equal((await send(`${proxy.url}/users/`)).status, 200);
    const line = proxy.log.find(({ msg }) => String(msg).startsWith('Redis does not answer'));
    assert.match(String(line?.['cause']), cause);
    assert.doesNotMatch(JSON.stringify(proxy.log), new RegExp(password));
  }
});

test('the metrics tell whether Redis answers', async (t) => {
  const setup = await start(t, [give('ann')], []);
  if (setup === undefined) return;
  const [one] = setup.proxies;
  const value = async (): Promise<string | undefined> =>
    /^\w*redis_up (\d)$/m.exec((await send(`${one.adminUrl}/metrics`)).body.toString())?.[1];
  assert.equal(await value(), '1');
  await setup.redis.kill();
  await until(() => logged(one, /^Redis does not answer/) === 1, 'the word of it');
  assert.equal(await value(), '0');
});
