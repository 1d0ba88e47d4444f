// What passes a gateway without a key: what MAAS itself answers to anybody, unsigned, and nothing else.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { startSimulator } from '../../src/simulator/simulator.ts';
import { emptyDirectory, runCli } from '../support/cli.ts';
import { give, oauth, startGateway } from '../support/gateway.ts';
import { startHeldMaas } from '../support/held-maas.ts';
import { startOrigin, type Origin } from '../support/origin.ts';
import { startTestProxy, type TestProxy } from '../support/proxy.ts';
import { send } from '../support/request.ts';
import { until } from '../support/until.ts';
import { watchArrivals } from '../support/arrivals.ts';

const alice = give('alice');

async function start(
  t: TestContext,
  flags: readonly string[] = [],
  maas?: Origin,
): Promise<{ origin: Origin; gateway: TestProxy; ask: (path: string, init?: Init) => ReturnType<typeof send> }> {
  const origin = maas ?? (await startOrigin(t));
  const gateway = await startGateway(t, origin.url, [alice], { flags });
  return { origin, gateway, ask: (path, init) => send(gateway.url + path, init) };
}

type Init = Parameters<typeof send>[1];

const withKey = { Authorization: `Bearer ${alice.key}` };

function requests({ log }: TestProxy): Record<string, unknown>[] {
  return log.filter(({ msg }) => msg === 'request');
}

/** Whether each request that reached MAAS was signed. */
function signed({ received }: Origin): boolean[] {
  return received.map(({ headers }) => headers.authorization !== undefined);
}

/** What MAAS declares as anonymous, and the two documents that are no operations. */
const anonymousAtMaas: readonly string[] = [
  ...new Set(
    Object.values(
      JSON.parse(readFileSync('test/data/maas-anonymous-operations.json', 'utf8')) as Record<string, string[]>,
    ).flat(),
  ),
  'GET describe/',
  'GET openapi.yaml',
];

for (const line of anonymousAtMaas) {
  const [method = '', path = '', op] = line.split(' ');
  const target = `/MAAS/api/2.0/${path}${op === undefined ? '' : `?op=${op}`}`;
  if (method === 'GET') {
    test(`${line} passes a gateway without a key, unsigned, and the log and the audit say "anonymous"`, async (t) => {
      const audit = join(emptyDirectory(t), 'audit.jsonl');
      const { origin, gateway, ask } = await start(t, ['--audit-file', audit]);
      assert.equal((await ask(target)).status, 200);
      assert.deepEqual(signed(origin), [false]);
      assert.equal(origin.received[0]?.target, target);
      assert.match(origin.received[0]?.headers['user-agent'] ?? '', /\(via maas-auth-proxy; client=anonymous\)$/);
      assert.ok(!JSON.stringify(origin.received[0]?.rawHeaders).includes('Canary'));
      assert.equal(requests(gateway)[0]?.['client'], 'anonymous');
      assert.equal(requests(gateway)[0]?.['verdict'], 'allowed');
      assert.notEqual(requests(gateway)[0]?.['operation'], 'other');
      await until(() => readFileSync(audit, 'utf8').includes('"client":"anonymous"'), 'the audit tells of it');
    });
  } else {
    test(`${line} needs a key at a gateway, because it changes MAAS`, async (t) => {
      const { origin, ask } = await start(t);
      assert.equal((await ask(target, { method })).status, 401);
      assert.equal(origin.received.length, 0);
    });
  }
}

const notAnonymous: readonly (readonly [method: string, target: string])[] = [
  ['GET', '/users/'],
  ['GET', '/users/?op=whoami'],
  ['GET', '/machines/'],
  ['GET', '/machines/?op=power_parameters'],
  ['GET', '/machines/?op=is_registered&op=power_parameters'],
  ['GET', '/machines/?op=power_parameters&op=is_registered'],
  ['GET', '/machines/?op=power_parameters;op=is_registered'],
  ['GET', '/machines/?op=is_registered;op=power_parameters'],
  ['GET', '/machines/op-power_parameters?op=is_registered'],
  ['GET', '/machines%2Fx/?op=is_registered'],
  ['GET', '/machines/is_registered/'],
  ['GET', '/version%2F'],
  ['GET', '/version/?op=whoami'],
  ['GET', '/describe/?op=whoami'],
  ['GET', '/files/?op=get&filename=x'],
  ['GET', '/files/x/?op=get_by_key'],
  ['HEAD', '/version/'],
  ['POST', '/version/'],
  ['POST', '/machines/?op=is_registered'],
  ['DELETE', '/describe/'],
];

for (const [method, target] of notAnonymous) {
  test(`${method} ${target} needs a key`, async (t) => {
    const { origin, ask } = await start(t);
    assert.equal((await ask(target, { method })).status, 401);
    assert.equal(origin.received.length, 0);
  });
}

for (const [what, authorization] of [
  ['an unknown Bearer key', 'Bearer a:b:c'],
  ['a wrong secret', oauth(`${alice.key}x`)],
  ['an empty Authorization', ''],
  ['an unknown scheme', 'Digest x'],
] as const) {
  test(`whoever presents ${what} gets 401 also where no key is needed`, async (t) => {
    const { origin, ask } = await start(t);
    for (const path of ['/version/', '/MAAS/api/2.0/describe/']) {
      assert.equal((await ask(path, { headers: { Authorization: authorization } })).status, 401);
    }
    assert.equal(origin.received.length, 0);
  });
}

test('with --no-anonymous, or ANONYMOUS=false, everything needs a key', async (t) => {
  const { origin, ask } = await start(t, ['--no-anonymous']);
  for (const path of ['/version/', '/MAAS/api/2.0/describe/', '/machines/?op=is_registered&mac_address=a']) {
    assert.equal((await ask(path)).status, 401);
  }
  assert.equal(origin.received.length, 0);
  assert.equal((await ask('/version/', { headers: withKey })).status, 200);
  assert.deepEqual(signed(origin), [true]);
});

test("the gateway's policy holds for those without a key, and its refusal names the rule", async (t) => {
  const rules = join(emptyDirectory(t), 'rules');
  writeFileSync(rules, 'standard\ndeny GET describe/\n');
  const { origin, gateway, ask } = await start(t, ['--policy', rules]);
  assert.equal((await ask('/version/')).status, 200);
  const refused = await ask('/describe/');
  assert.equal(refused.status, 403);
  assert.match(String(refused.json()['detail']), /its rule "deny GET describe\/"/);
  assert.equal(requests(gateway)[1]?.['client'], 'anonymous');
  assert.equal(origin.received.length, 1);
});

test('a page of another origin may send nothing, with a key or without', async (t) => {
  const { origin, ask } = await start(t);
  const { status } = await ask('/version/', { headers: { 'Sec-Fetch-Site': 'cross-site' } });
  assert.equal(status, 403);
  assert.equal(origin.received.length, 0);
});

test('requests without a key are limited by address, and take nothing from those with one', async (t) => {
  const { ask } = await start(t, ['--client-rate-limit', '1']);
  const [first, second] = [await ask('/version/'), await ask('/describe/')];
  assert.deepEqual([first.status, second.status, second.json()['code']], [200, 429, 'limit-reached']);
  assert.equal((await ask('/users/', { headers: withKey })).status, 200);
});

test('requests without a key, from however many addresses, leave three quarters of the common limit to those with one', async (t) => {
  const { gateway, ask } = await start(t, ['--rate-limit', '8', '--max-requests', '8']);
  const { hostname, port } = new URL(gateway.url);
  const from = (localAddress: string): Promise<string> =>
    new Promise((resolve, reject) => {
      request({ hostname, port, path: '/version/', localAddress, agent: false }, (response) => {
        let body = '';
        response.on('data', (chunk: Buffer) => (body += chunk.toString()));
        response.once('end', () => resolve(`${response.statusCode} ${body}`));
      })
        .once('error', reject)
        .end();
    });
  assert.match(await from('127.0.0.2'), /^200 /);
  assert.match(await from('127.0.0.3'), /^200 /);
  assert.match(await from('127.0.0.4'), /^429 .*"All clients without a key together may send 2 requests a minute; /);
  for (let count = 0; count < 6; count += 1) assert.equal((await ask('/users/', { headers: withKey })).status, 200);
  assert.equal((await ask('/users/', { headers: withKey })).status, 429);
});

test('with the policy read-only nobody gets a file by its key without a key', async (t) => {
  const { origin, ask } = await start(t, ['--policy', 'read-only']);
  assert.equal((await ask('/files/?op=get_by_key&key=a')).status, 403);
  assert.equal((await ask('/version/')).status, 200);
  assert.equal(origin.received.length, 1);
});

test('a client whose name looks like an address shares nothing with that address', async (t) => {
  const origin = await startOrigin(t);
  const named = give('127.0.0.1');
  const gateway = await startGateway(t, origin.url, [named], { flags: ['--client-rate-limit', '1'] });
  assert.equal((await send(`${gateway.url}/version/`)).status, 200);
  assert.equal((await send(`${gateway.url}/version/`)).status, 429);
  const headers = { Authorization: `Bearer ${named.key}` };
  assert.equal((await send(`${gateway.url}/version/`, { headers })).status, 200);
});

test('those without a key share a response with each other, and never with those who have one', async (t) => {
  const maas = await startHeldMaas(t);
  const gateway = await startGateway(t, maas.url, [alice], { flags: ['--cache-ttl', '60'] });
  const came = watchArrivals(t, gateway.url);
  const anonymous = [send(`${gateway.url}/version/`), send(`${gateway.url}/version/`)];
  await came(2);
  const known = send(`${gateway.url}/version/`, { headers: withKey });
  const [one, other] = [await maas.arrived(0), await maas.arrived(1)];
  const [unsignedOne, signedOne] = one.request.headers.authorization === undefined ? [one, other] : [other, one];
  assert.equal(unsignedOne.request.headers.authorization, undefined);
  assert.notEqual(signedOne.request.headers.authorization, undefined);
  unsignedOne.response.end('for anybody');
  signedOne.response.end('for alice');
  for (const reply of await Promise.all(anonymous)) assert.equal(reply.body.toString(), 'for anybody');
  assert.equal((await known).body.toString(), 'for alice');
  // From the cache too.
  assert.equal((await send(`${gateway.url}/version/`)).body.toString(), 'for anybody');
  assert.equal((await send(`${gateway.url}/version/`, { headers: withKey })).body.toString(), 'for alice');
  assert.equal(maas.received.length, 2);
});

test("MAAS's 401 to a request without a key is MAAS's response, and no word about the proxy's key or clock", async (t) => {
  const words = `Authorization Error: 'Expired timestamp: given 1 and now 5000 has a greater difference than threshold 300'`;
  const origin = await startOrigin(t, (_request, response) => {
    response.writeHead(401, { 'Content-Type': 'text/plain' }).end(words);
  });
  const { gateway, ask } = await start(t, [], origin);
  const reply = await ask('/version/');
  assert.equal(reply.status, 401);
  assert.equal(reply.body.toString(), words);
  assert.equal(origin.received.length, 1, 'it is not sent again');
  assert.equal(gateway.upstream.clock.offset, 0);
  assert.equal(requests(gateway)[0]?.['code'], undefined);
});

test('a request without a key changes nothing of what the proxy says of MAAS and its key', async (t) => {
  let status = 200;
  const origin = await startOrigin(
    t,
    (_request, response) => void response.writeHead(status, { 'X-MAAS-API-Hash': 'a' }).end('{}'),
  );
  const { gateway, ask } = await start(t, [], origin);
  await ask('/users/', { headers: withKey });
  const { healthyAt } = gateway.upstream.health;
  assert.ok(healthyAt > 0);
  for (status of [200, 401, 502]) {
    await ask('/version/');
    await ask('/machines/?op=is_action_in_progress&mac_address=a', { headers: withKey });
    assert.equal(gateway.upstream.health.healthyAt, healthyAt);
  }
});

test('is_action_in_progress, which MAAS answers to unsigned requests alone, works with a key, without one, and at localhost', async (t) => {
  const maas = await startSimulator({ machines: 4 });
  t.after(() => maas.close());
  const gateway = await startGateway(t, maas.url, [alice], { key: maas.adminKey });

  const local = await startTestProxy(t, maas.url, { key: maas.adminKey });
  for (const [url, headers] of [
    [gateway.url, {}],
    [gateway.url, withKey],
    [local.url, {}],
  ] as const) {
    for (const path of ['machines/?op=is_action_in_progress', 'nodes/op-is_action_in_progress?']) {
      const reply = await send(`${url}/${path}&mac_address=52:54:00:00:00:01`, { headers });
      assert.equal(reply.status, 200, reply.body.toString());
      assert.equal(reply.body.toString(), 'false');
    }
  }
  assert.deepEqual([...new Set(maas.received.map(({ user }) => user))], [null]);
  assert.deepEqual(
    requests(gateway).map(({ client }) => client),
    ['anonymous', 'anonymous', 'alice', 'alice'],
  );
  // At MAAS itself a signature makes it a 400.
  const direct = await send(`${maas.url}/MAAS/api/2.0/machines/?op=is_action_in_progress&mac_address=a`, {
    headers: { Authorization: oauth(maas.adminKey) },
  });
  assert.deepEqual(
    [direct.status, direct.body.toString()],
    [400, 'Unrecognised signature: method=GET op=is_action_in_progress'],
  );
});

test('with another op beside it, is_action_in_progress is signed as ever', async (t) => {
  const { origin, ask } = await start(t);
  for (const query of ['op=is_action_in_progress&op=power_parameters', 'op=x;op=is_action_in_progress']) {
    await ask(`/machines/?${query}`, { headers: withKey });
  }
  assert.deepEqual(signed(origin), [true, true]);
});

test('the metrics count requests without a key as those of "anonymous", scrape after scrape', async (t) => {
  const { gateway, ask } = await start(t);
  await ask('/version/');
  for (const count of [1, 2]) {
    const text = (await send(`${gateway.adminUrl}/metrics`)).body.toString();
    assert.match(
      text,
      /requests_total\{operation="GET version",client="anonymous",status="200"\} 1\n/,
      `scrape ${count}`,
    );
  }
});

test('nobody can be given the name "anonymous"', async (t) => {
  const file = join(emptyDirectory(t), 'clients.json');
  const { code, stderr } = await runCli(t, ['keys', 'add', 'anonymous', '--clients-file', file]);
  assert.equal(code, 2);
  assert.match(stderr, /"anonymous" is what the log calls requests without a key/);
  // Who has had it before is let in as ever, and the log says what is amiss.
  const origin = await startOrigin(t);
  const named = give('anonymous');
  const gateway = await startGateway(t, origin.url, [named]);
  const headers = { Authorization: `Bearer ${named.key}` };
  assert.equal((await send(`${gateway.url}/users/`, { headers })).status, 200);
  assert.ok(gateway.log.some(({ msg }) => String(msg).includes('has a client "anonymous"')));
});
