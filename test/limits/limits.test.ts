// What clients may ask for: requests a minute, and requests at once.
import assert from 'node:assert/strict';
import { request, type ServerResponse } from 'node:http';
import { test, type TestContext } from 'node:test';
import * as fc from 'fast-check';
import type { Exchange } from '../../src/exchange.ts';
import { unidentified } from '../../src/clients/identity.ts';
import { createAdmission } from '../../src/inbound/limits.ts';
import { isRefusal, type Admission, type Refusal } from '../../src/limits/limiter.ts';
import { createLocalLimiter } from '../../src/limits/local-limiter.ts';
import { addressBlock } from '../../src/http/peer.ts';
import type { Problem } from '../../src/problem.ts';
import { give, oauth, startGateway } from '../support/gateway.ts';
import { startOrigin } from '../support/origin.ts';
import { startTestProxy, type TestProxy } from '../support/proxy.ts';
import { send, type Reply } from '../support/request.ts';
import { until } from '../support/until.ts';

const sendTimes = async (count: number, url: string, headers: Record<string, string> = {}): Promise<Reply[]> => {
  const replies: Reply[] = [];
  for (let index = 0; index < count; index += 1) replies.push(await send(url, { headers }));
  return replies;
};

const bearer = (key: string): Record<string, string> => ({ Authorization: `Bearer ${key}` });

const statuses = (replies: readonly Reply[]): number[] => replies.map(({ status }) => status);

test('a client that has sent its requests of a minute is told when to come again', async (t) => {
  const maas = await startOrigin(t);
  const proxy = await startTestProxy(t, maas.url, { flags: ['--client-rate-limit', '10'] });
  assert.deepEqual(new Set(statuses(await sendTimes(10, `${proxy.url}/users/`))), new Set([200]));
  const { status, headers, json } = await send(`${proxy.url}/users/`);
  assert.equal(status, 429);
  // One of ten in a minute is there again 6 s after the first; of those some have passed.
  assert.match(String(headers['retry-after']), /^[1-6]$/);
  const { code, detail, status: told } = json();
  assert.deepEqual([code, told], ['limit-reached', 429]);
  assert.match(
    String(detail),
    /^This client may send 10 requests a minute; send this one again in \d s\. It has not been sent to MAAS\.$/,
  );
  assert.equal(maas.received.length, 10);
});

test('without a clients file each address is a client of its own', async (t) => {
  const maas = await startOrigin(t);
  const proxy = await startTestProxy(t, maas.url, { flags: ['--client-rate-limit', '1'] });
  const from = (localAddress: string): Promise<number> =>
    new Promise((resolve, reject) => {
      const sent = request(`${proxy.url}/users/`, { localAddress, agent: false }, (answer) => {
        answer.resume().once('end', () => resolve(answer.statusCode ?? 0));
      });
      sent.once('error', reject).end();
    });
  assert.deepEqual([await from('127.0.0.2'), await from('127.0.0.2'), await from('127.0.0.3')], [200, 429, 200]);
});

test('a host with IPv6 cannot get around its limit with another address of its /64', () => {
  const step = createAdmission(
    { all: { perMinute: 0, atOnce: 0 }, each: { perMinute: 1, atOnce: 0 } },
    createLocalLimiter(() => 0),
  );
  const isLetIn = (peer: string): boolean => {
    try {
      void step({ peer, request: { headers: {} }, onEnd() {} } as unknown as Exchange, unidentified);
      return true;
    } catch (error) {
      assert.equal((error as Problem).code, 'limit-reached');
      return false;
    }
  };
  assert.deepEqual(
    ['2001:db8::1', '2001:db8::2', '2001:db8:0:0:ffff::9', '2001:db8:0:1::1', '2001:DB8::3', '::ffff:c000:201'].map(
      isLetIn,
    ),
    [true, false, false, true, false, true],
  );
  assert.deepEqual(['192.0.2.1', '::ffff:192.0.2.1', '192.0.2.2'].map(isLetIn), [false, false, true]);
  // All hosts on a link have one /64.
  assert.deepEqual(['fe80::1%eth0', 'fe80::1%eth0', 'fe80::2%eth0'].map(isLetIn), [true, false, true]);
});

test('each address counts as what its host cannot choose', () => {
  for (const [address, block] of [
    ['192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8::', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['0:0:0:0:0:FFFF:C000:0201', '192.0.2.1'],
    ['1::192.0.2.1', '1:0:0:0::/64'],
    ['FE80::1%eth0', 'fe80::1%eth0'],
    ['unix', 'unix'],
  ] as const) {
    assert.equal(addressBlock(address), block, address);
  }
});

test('the limit of all clients together holds whoever asks', async (t) => {
  const maas = await startOrigin(t);
  const clients = [give('ann'), give('bob')];
  const gateway = await startGateway(t, maas.url, clients, { flags: ['--rate-limit', '3'] });
  const found: number[] = [];
  for (const { key } of [...clients, ...clients]) {
    found.push((await send(`${gateway.url}/users/`, { headers: bearer(key) })).status);
  }
  assert.deepEqual(found, [200, 200, 200, 429]);
});

test('who signs as MAAS clients do gets the 503 that they repeat, with the time in Retry-After', async (t) => {
  const maas = await startOrigin(t);
  const ann = give('ann');
  const gateway = await startGateway(t, maas.url, [ann], { flags: ['--client-rate-limit', '1'] });
  const [first, second] = [
    await send(`${gateway.url}/users/`, { headers: { Authorization: oauth(ann.key) } }),
    await send(`${gateway.url}/users/`, { headers: { Authorization: oauth(ann.key) } }),
  ];
  assert.deepEqual([first.status, second.status], [200, 503]);
  assert.match(String(second.headers['retry-after']), /^[2-6]\d$/);
  assert.deepEqual([second.json()['code'], second.json()['status']], ['limit-reached', 503]);
});

test("a client's own limits stand in the clients file, and go before those of each", async (t) => {
  const maas = await startOrigin(t);
  const ann = give('ann', { limits: { perMinute: 3 } });
  const bob = give('bob');
  const gateway = await startGateway(t, maas.url, [ann, bob], { flags: ['--client-rate-limit', '1'] });
  assert.deepEqual(statuses(await sendTimes(4, `${gateway.url}/users/`, bearer(ann.key))), [200, 200, 200, 429]);
  assert.deepEqual(statuses(await sendTimes(2, `${gateway.url}/users/`, bearer(bob.key))), [200, 429]);
});

/** A proxy whose MAAS answers when it is told to. */
async function startHeld(
  t: TestContext,
  flags: readonly string[],
): Promise<{ proxy: TestProxy; held: ServerResponse[] }> {
  const held: ServerResponse[] = [];
  const maas = await startOrigin(t, (_request, response) => void held.push(response));
  return { proxy: await startTestProxy(t, maas.url, { flags: [...flags, '--no-coalesce'] }), held };
}

for (const flag of ['--max-requests', '--client-max-requests']) {
  test(`${flag}: one request too many at once is refused, and there is room again when one is over`, async (t) => {
    const { proxy, held } = await startHeld(t, [flag, '2']);
    const first = send(`${proxy.url}/users/`);
    const leaving = request(`${proxy.url}/users/`, { agent: false }).on('error', () => {});
    leaving.end();
    await until(() => held.length === 2, 'both requests');
    const refused = await send(`${proxy.url}/users/`);
    assert.equal(refused.status, 429);
    assert.equal(refused.headers['retry-after'], '5');
    assert.match(String(refused.json()['detail']), /may send 2 requests at the same time/);

    leaving.destroy();
    await until(() => proxy.log.some(({ status }) => status === 499), 'the end of the one that left');
    const second = send(`${proxy.url}/users/`);
    await until(() => held.length === 3, 'the next');
    for (const response of held) response.end();
    assert.deepEqual([(await first).status, (await second).status], [200, 200]);
    const third = send(`${proxy.url}/users/`);
    await until(() => held.length === 4, 'the last');
    held[3]?.end();
    assert.equal((await third).status, 200);
  });
}

test('in no minute do more pass than twice the limit, and the time that is told is right to the ms', () => {
  const plans = fc.array(fc.record({ pause: fc.nat(20_000), waits: fc.boolean() }), { maxLength: 200 });
  fc.assert(
    fc.property(plans, fc.integer({ min: 1, max: 60 }), (plan, perMinute) => {
      let now = 1_000_000;
      const limiter = createLocalLimiter(() => now);
      const share = { of: 'ann', perMinute, atOnce: 0 };
      const admit = (): Admission | Refusal => limiter.admit([share]) as Admission | Refusal;
      const passed: number[] = [];
      for (const { pause, waits } of plan) {
        now += pause;
        let outcome = admit();
        if (isRefusal(outcome) && waits) {
          const { wait = 0 } = outcome;
          assert.ok(wait > 0 && wait <= 60_000 / perMinute + 1, `${wait} ms`);
          now += wait - 0.1;
          assert.ok(isRefusal(admit()), 'too early');
          now += 0.2;
          outcome = admit();
          assert.ok(!isRefusal(outcome), 'the time is over');
        }
        if (!isRefusal(outcome)) passed.push(now);
      }
      for (const [index, start] of passed.entries()) {
        const inMinute = passed.slice(index).filter((at) => at < start + 60_000).length;
        assert.ok(inMinute <= 2 * perMinute, `${inMinute} in a minute`);
      }
    }),
    { numRuns: 300 },
  );
});

test('a request that one limit refuses costs nothing of the other', () => {
  const limiter = createLocalLimiter(() => 0);
  const all = { of: 'all', perMinute: 2, atOnce: 0 };
  const admit = (of: string): boolean =>
    !isRefusal(limiter.admit([{ of, perMinute: 1, atOnce: 1 }, all]) as Admission | Refusal);
  assert.deepEqual(
    [admit('ann'), admit('ann'), admit('ann'), admit('bob'), admit('eve')],
    [true, false, false, true, false],
  );
});

test('the memory of who has asked is bounded', () => {
  const limiter = createLocalLimiter(() => 0);
  const before = process.memoryUsage().heapUsed;
  for (let index = 0; index < 300_000; index += 1) limiter.admit([{ of: `client ${index}`, perMinute: 1, atOnce: 0 }]);
  const grown = (process.memoryUsage().heapUsed - before) / 2 ** 20;
  assert.ok(grown < 60, `${grown} MiB`);
});
