// MAAS lets some identifiers hold slashes, and knows objects by several names: a rule must hold for each.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { startSimulator, type Simulator } from '../../src/simulator/simulator.ts';
import { emptyDirectory, runCli } from '../support/cli.ts';
import { eventually } from '../support/eventually.ts';
import { startTestProxy, type TestProxy } from '../support/proxy.ts';
import { send } from '../support/request.ts';

const names = [
  'p1',
  'name:p1',
  '10.66.0.0/24',
  '10.66.0.0%2F24',
  '10.66.0.0//24',
  'cidr:10.66.0.0/24',
  'cidr:10.66.0.0%2f24',
  '%31%30.66.0.0/%32%34',
  'cidr:10.66.0.0/%D9%A2%D9%A4',
];

async function behind(t: TestContext, rules: string): Promise<{ proxy: TestProxy; maas: Simulator }> {
  const maas = await startSimulator({ machines: 1 });
  t.after(() => maas.close());
  const file = join(emptyDirectory(t), 'team.policy');
  writeFileSync(file, rules);
  return { proxy: await startTestProxy(t, maas.url, { key: maas.adminKey, flags: ['--policy', file] }), maas };
}

async function makeSubnet({ url }: TestProxy): Promise<void> {
  const { status } = await send(`${url}/subnets/`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
    body: 'cidr=10.66.0.0/24&name=p1',
  });
  assert.equal(status, 200);
}

test('no name of a subnet gets around a rule that nobody may delete one', async (t) => {
  const { proxy, maas } = await behind(t, '* **\ndeny DELETE subnets/*\n');
  await makeSubnet(proxy);
  for (const name of names) {
    for (const end of ['/', '', '//', '%2F']) {
      const { status } = await send(`${proxy.url}/subnets/${name}${end}`, { method: 'DELETE' });
      // 400 where the path can be read in two ways.
      assert.ok(status === 403 || (end === '%2F' && status === 400), `${name}${end}: ${status}`);
    }
  }
  assert.equal(maas.received.filter(({ method }) => method === 'DELETE').length, 0);
  assert.equal((await send(`${proxy.url}/subnets/p1/`)).status, 200);
});

test('a rule for each subnet lets each of its names pass, with an op too, in every way to write it', async (t) => {
  const { proxy } = await behind(t, 'POST subnets/\nGET subnets/*\nDELETE subnets/* -\n');
  await makeSubnet(proxy);
  for (const name of names.filter((one) => !one.includes('%D9'))) {
    for (const rest of ['/', '/?op=reserved_ip_ranges', '/op-reserved_ip_ranges']) {
      const reply = await send(`${proxy.url}/subnets/${name}${rest}`);
      assert.equal(reply.status, 200, `${name}${rest}: ${reply.body.toString()}`);
    }
  }
  assert.equal((await send(`${proxy.url}/subnets/cidr:10.66.0.0/24/`, { method: 'DELETE' })).status, 204);
});

test('log and metrics call such a request by its operation', async (t) => {
  const { proxy } = await behind(t, '* **\n');
  await makeSubnet(proxy);
  for (const name of names) await send(`${proxy.url}/subnets/${name}/`);
  await send(`${proxy.url}/subnets/10.66.0.0/24/op-reserved_ip_ranges`);
  await send(`${proxy.url}/files/team/keys/a.txt/`);
  const count = names.length + 3;
  const told = () => proxy.log.filter(({ msg }) => msg === 'request').map(({ operation }) => operation);
  await eventually(
    () => told().length === count,
    () => `${told().length} lines`,
  );
  assert.deepEqual(told(), [
    'POST subnets',
    ...names.map(() => 'GET subnets/{id}'),
    'GET subnets/{id} reserved_ip_ranges',
    'GET files/{filename}',
  ]);
});

test('a file in a folder is one identifier; rules for folders and for everything below go on working', async (t) => {
  for (const [rules, path, status] of [
    ['GET **\ndeny GET files/*', 'files/a/b/c/', 403],
    ['GET **\ndeny GET files/*', 'files/a%2Fb/', 403],
    ['GET **\ndeny GET files/*', 'files/%2F/', 400],
    ['GET **\ndeny GET files/*', 'files/%2Fsecret/', 403],
    ['GET **\ndeny GET files/*/**', 'files/a/b/c/', 403],
    ['GET **\ndeny GET files/a/**', 'files/a/b/c/', 403],
    ['GET **\ndeny GET files/a/*/c', 'files/a/b/c/', 403],
    ['GET **\ndeny GET files/a/b/c', 'files/a%2Fb/c/', 403],
    ['GET **\ndeny GET files/a/**', 'files/b/b/c/', 404],
    ['GET files/a/*', 'files/a/b/', 404],
    ['GET files/a/*', 'files/b/b/', 403],
    ['GET files/*', 'files/', 403],
  ] as const) {
    const { proxy } = await behind(t, rules);
    assert.equal((await send(`${proxy.url}/${path}`)).status, status, `${rules}: ${path}`);
  }
});

test('partition and partitions are one word to MAAS, and to a rule', async (t) => {
  for (const [inRule, asked] of [
    ['partition', 'partitions'],
    ['partitions', 'partition'],
    ['partition', 'partition'],
  ]) {
    const { proxy, maas } = await behind(t, `* **\ndeny DELETE nodes/*/blockdevices/*/${inRule}/*`);
    const path = `nodes/abc/blockdevices/1/${asked}/5`;
    assert.equal((await send(`${proxy.url}/${path}`, { method: 'DELETE' })).status, 403, `${inRule}, ${asked}`);
    assert.equal(maas.received.length, 0);
  }
});

test('what can be read as an operation or as a name is refused where a rule is against one of the two', async (t) => {
  for (const [rules, method, path] of [
    ['standard', 'GET', 'account/op-list_authorisation_tokens/'],
    ['standard', 'GET', 'account//op-list_authorisation_tokens//'],
    ['standard', 'GET', 'account%2Fop-list_authorisation_tokens/'],
    ['standard', 'GET', 'account/op-list_authorisation_tokens%2F'],
    ['standard', 'POST', 'account/op-something_new/'],
    ['* **\ndeny POST machines/* deploy', 'POST', 'machines/abc/op-deploy/'],
    ['* **\ndeny DELETE scripts/*', 'DELETE', 'scripts/op-x'],
    ['* **\ndeny POST scripts/*', 'POST', 'scripts/op-x?op=revert'],
    ['* **\ndeny DELETE users/*', 'DELETE', 'users/op-bob'],
    ['* **\ndeny GET files/*', 'GET', 'files///'],
    ['* **\ndeny DELETE subnets/*', 'DELETE', 'subnets%2F10.0.0.0/24/'],
  ] as const) {
    const { proxy, maas } = await behind(t, rules);
    const reply = await send(`${proxy.url}/${path}`, { method });
    assert.ok(reply.status === 403 || reply.status === 400, `${path}: ${reply.status}`);
    assert.match(String(reply.json()['code']), /^(?:policy-refused|ambiguous-operation)$/);
    assert.equal(maas.received.length, 0, path);
  }
});

test('an operation behind its path, and a name that begins with op-, pass where rules are for them', async (t) => {
  const { proxy, maas } = await behind(
    t,
    'POST machines/ allocate\nPOST machines/* lock\nGET users/*\nDELETE scripts/* -\n',
  );
  for (const [method, path, operation] of [
    ['POST', 'machines/op-allocate', 'POST machines allocate'],
    ['POST', 'machines/m00001/op-lock', 'POST machines/{system_id} lock'],
    ['GET', 'users/op-bob/', 'GET users/{username}'],
  ] as const) {
    await send(`${proxy.url}/${path}`, { method });
    assert.equal(maas.received.at(-1)?.operation, operation);
  }
});

test('explain reads an identifier with a slash as MAAS does', async (t) => {
  const file = join(emptyDirectory(t), 'team.policy');
  writeFileSync(file, '* **\ndeny DELETE subnets/*\n');
  for (const name of names) {
    const { code, stdout } = await runCli(t, ['explain', 'DELETE', `/subnets/${name}/`, '--policy', file]);
    assert.equal(code, 1, name);
    assert.match(stdout, /^rule +deny DELETE subnets\/\*$/m);
  }
});
