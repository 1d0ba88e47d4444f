// What is no mistake in a gateway's files, and yet hardly meant: told at the start, and at each change.
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { emptyDirectory } from '../support/cli.ts';
import { give, writeClients } from '../support/gateway.ts';
import { startOrigin } from '../support/origin.ts';
import { startTestProxy, type TestProxy } from '../support/proxy.ts';
import { send } from '../support/request.ts';
import { until } from '../support/until.ts';

function warnings({ log }: TestProxy): string[] {
  return log.filter(({ level, file }) => level === 40 && file !== undefined).map(({ msg }) => String(msg));
}

test('a clients file that every user may write is warned of at the start, and when it becomes so', async (t) => {
  const file = writeClients(t, [give('ann')]);
  chmodSync(file, 0o666);
  const origin = await startOrigin(t);
  const flags = ['--clients-file', file];
  const proxy = await startTestProxy(t, origin.url, { flags });
  assert.deepEqual(warnings(proxy), [
    `Every user of this machine may write ${file}, and so give themselves a key; chmod o-w it.`,
  ]);
  chmodSync(file, 0o600);
  const second = await startTestProxy(t, origin.url, { flags });
  assert.deepEqual(warnings(second), []);
  chmodSync(file, 0o602);
  await until(() => warnings(second).length === 1, 'the second gateway warns');
  // What was said is not said again with the next change.
  writeClients(t, [give('ann'), give('bob')], file);
  await until(() => second.log.some(({ msg }) => String(msg).endsWith('again: 2 keys')), 'the change is told');
  assert.equal(warnings(second).length, 1);
});

test('a clients file in a directory where every user may replace it is warned of', async (t) => {
  const directory = join(emptyDirectory(t), 'open');
  mkdirSync(directory);
  const file = writeClients(t, [give('ann')], join(directory, 'clients.json'));
  const origin = await startOrigin(t);
  chmodSync(directory, 0o777);
  const proxy = await startTestProxy(t, origin.url, { flags: ['--clients-file', file] });
  assert.deepEqual(warnings(proxy), [
    `Every user of this machine may put another file in the place of ${file}, and so give themselves a key; chmod o-w ${directory}.`,
  ]);
  // As /tmp has it.
  chmodSync(directory, 0o1777);
  assert.deepEqual(warnings(await startTestProxy(t, origin.url, { flags: ['--clients-file', file] })), []);
});

test('policy files that every user may write, and keys that every user may read, are warned of', async (t) => {
  const directory = emptyDirectory(t);
  for (const name of ['own.rules', 'gateway.rules']) writeFileSync(join(directory, name), 'read-only\n');
  chmodSync(join(directory, 'own.rules'), 0o666);
  chmodSync(join(directory, 'gateway.rules'), 0o666);
  writeFileSync(join(directory, 'maas.key'), 'a:b:c\n', { mode: 0o644 });
  const ann = give('ann', { policy: './own.rules', maasKeyFile: 'maas.key' });
  const file = writeClients(t, [ann], join(directory, 'clients.json'));
  const flags = ['--clients-file', file, '--policy', join(directory, 'gateway.rules')];
  const proxy = await startTestProxy(t, (await startOrigin(t)).url, { flags });
  assert.deepEqual(warnings(proxy).toSorted(), [
    `Every user of this machine may read the API key in ${directory}/maas.key; chmod 600 it.`,
    `Every user of this machine may write ${directory}/gateway.rules, and so change what may be done; chmod o-w it.`,
    `Every user of this machine may write ${directory}/own.rules, and so change what clients may do; chmod o-w it.`,
  ]);
});

test('a clients file without a key in force lets nobody in, and is warned of', async (t) => {
  const ann = give('ann');
  const file = writeClients(t, [ann]);
  const proxy = await startTestProxy(t, (await startOrigin(t)).url, { flags: ['--clients-file', file] });
  const ask = async (): Promise<number> =>
    (await send(`${proxy.url}/users/`, { headers: { Authorization: `Bearer ${ann.key}` } })).status;
  assert.equal(await ask(), 200);
  writeFileSync(file, '[]');
  await until(() => warnings(proxy).length === 1, 'a warning');
  assert.match(
    warnings(proxy)[0] ?? '',
    /holds no key, so every request is refused; "keys add NAME" gives out a key\.$/,
  );
  assert.equal(await ask(), 401);
  writeClients(t, [{ ...ann, client: { ...ann.client, expires: '2020-01-31' } }], file);
  await until(() => warnings(proxy).length === 2, 'another warning');
  assert.match(
    warnings(proxy)[1] ?? '',
    /^Every key in the clients file \S+ has expired, so every request is refused; /,
  );
  writeClients(t, [ann], file);
  await until(() => proxy.log.filter(({ msg }) => String(msg).endsWith('again: 1 key')).length === 2, 'the mending');
  assert.equal(await ask(), 200);
  assert.equal(warnings(proxy).length, 2);
});

test('a directory in the place of the clients file is called one', async (t) => {
  const origin = await startOrigin(t);
  await assert.rejects(
    startTestProxy(t, origin.url, { flags: ['--clients-file', emptyDirectory(t)] }),
    /^ConfigurationError: The clients file \S+ is a directory, and must be a file\.$/,
  );
});
