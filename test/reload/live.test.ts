// The files that a running proxy keeps to: policy, clients and what they have in common. Keys and certificates have tests of
// their own.
import assert from 'node:assert/strict';
import { chmodSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { waysToChange } from '../support/changing-file.ts';
import { emptyDirectory, runCli, startCli } from '../support/cli.ts';
import { startOrigin } from '../support/origin.ts';
import { canaryKey, startTestProxy, type TestProxy } from '../support/proxy.ts';
import { send } from '../support/request.ts';
import { until } from '../support/until.ts';

const readsOnly = 'read-only\n';
const andTags = 'read-only\nPOST tags/ -\n';

for (const [way, makeFile] of Object.entries(waysToChange)) {
  test(`a policy file that is ${way} is in force within a second`, async (t) => {
    const policy = makeFile(emptyDirectory(t), 'policy.rules', readsOnly);
    const proxy = await startTestProxy(t, (await startOrigin(t)).url, { flags: ['--policy', policy.path] });
    assert.equal(await postTag(proxy), 403);
    const changed = performance.now();
    policy.write(andTags);
    await until(() => told(proxy, /^read the policy file .* again: \d+ rules$/) === 1, 'the change is told');
    const took = performance.now() - changed;
    assert.equal(await postTag(proxy), 200);
    policy.write(readsOnly);
    await until(() => told(proxy, /^read the policy file/) === 2, 'the second change is told');
    assert.equal(await postTag(proxy), 403);
    assert.deepEqual(errors(proxy), []);
    t.diagnostic(`noticed after ${Math.round(took)} ms`);
  });
}

test('a broken policy file changes nothing, and is said once, in one line, until it is mended', async (t) => {
  const file = join(emptyDirectory(t), 'policy.rules');
  writeFileSync(file, readsOnly);
  const proxy = await startTestProxy(t, (await startOrigin(t)).url, { flags: ['--policy', file] });
  writeFileSync(file, `${andTags}POST\n`);
  await until(() => errors(proxy).length > 0, 'the mistake is said');
  assert.deepEqual(errors(proxy).length, 1);
  assert.match(
    errors(proxy)[0] ?? '',
    /^--policy names the file \S+policy\.rules: line 3: .*; what was read before stays in force\.$/,
  );
  assert.equal(await postTag(proxy), 403);
  assert.match(proxy.files().find(({ purpose }) => purpose === 'policy')?.lastError ?? '', /line 3/);
  await wait(1_500); // long enough for it to be said again
  assert.equal(errors(proxy).length, 1);

  writeFileSync(file, readsOnly);
  await until(() => told(proxy, /^the policy file \S+ is again what is in force$/) === 1, 'the mending is said');
  writeFileSync(file, andTags);
  await until(() => told(proxy, /^read the policy file/) === 1, 'a good one is taken');
  assert.equal(await postTag(proxy), 200);
  assert.equal(proxy.files().find(({ purpose }) => purpose === 'policy')?.lastError, undefined);
});

test('a file that is gone for a moment is no matter; one that stays away is said once', async (t) => {
  const file = join(emptyDirectory(t), 'policy.rules');
  writeFileSync(file, andTags);
  const proxy = await startTestProxy(t, (await startOrigin(t)).url, { flags: ['--policy', file] });
  renameSync(file, `${file}.away`);
  await wait(600); // the file is looked at four times a second
  renameSync(`${file}.away`, file);
  await wait(1_500);
  assert.deepEqual(errors(proxy), []);
  assert.equal(await postTag(proxy), 200);

  rmSync(file);
  await until(() => errors(proxy).length > 0, 'its absence is said');
  assert.match(
    errors(proxy)[0] ?? '',
    /which does not exist; what was read before stays in force until it can be read\.$/,
  );
  assert.equal(await postTag(proxy), 200);
  assert.equal(errors(proxy).length, 1);
});

test('a file that may not be read any more changes nothing, and is said', async (t) => {
  if (process.getuid?.() === 0) {
    t.skip('skipped: root may read any file');
    return;
  }
  const file = join(emptyDirectory(t), 'policy.rules');
  writeFileSync(file, andTags);
  const proxy = await startTestProxy(t, (await startOrigin(t)).url, { flags: ['--policy', file] });
  chmodSync(file, 0o000);
  await until(() => errors(proxy).length > 0, 'it is said');
  assert.match(errors(proxy)[0] ?? '', /which this user may not read/);
  assert.equal(await postTag(proxy), 200);
});

test('a file that is only touched is not worth a word', async (t) => {
  const file = join(emptyDirectory(t), 'policy.rules');
  writeFileSync(file, readsOnly);
  const proxy = await startTestProxy(t, (await startOrigin(t)).url, { flags: ['--policy', file] });
  const before = proxy.log.length;
  writeFileSync(file, readsOnly);
  await wait(2_500); // beyond the second reading
  assert.equal(proxy.log.length, before);
});

test('when the proxy has stopped, nothing looks at its files any more', async (t) => {
  const file = join(emptyDirectory(t), 'policy.rules');
  writeFileSync(file, readsOnly);
  const proxy = await startTestProxy(t, (await startOrigin(t)).url, { flags: ['--policy', file] });
  await proxy.stop();
  const before = proxy.log.length;
  writeFileSync(file, andTags);
  await wait(1_000);
  assert.equal(proxy.log.length, before);
  assert.deepEqual(proxy.files(), []);
});

test('a revoked client is out within a second, a new one in, and a broken clients file locks nobody out', async (t) => {
  const directory = emptyDirectory(t);
  const file = join(directory, 'clients.json');
  const [ann = '', bob = ''] = [await addKey(t, file, 'ann'), await addKey(t, file, 'bob')];
  const proxy = await startTestProxy(t, (await startOrigin(t)).url, { flags: ['--clients-file', file] });
  assert.equal(await asClient(proxy, ann), 200);
  assert.equal(await asClient(proxy, bob), 200);

  assert.equal((await runCli(t, ['keys', 'revoke', 'bob', '--clients-file', file])).code, 0);
  await until(() => told(proxy, /^read the clients file .* again: 1 key$/) === 1, 'the change is told');
  assert.equal(await asClient(proxy, bob), 401);
  const cyd = await addKey(t, file, 'cyd');
  await until(() => told(proxy, /^read the clients file .* again: 2 keys$/) === 1, 'the change is told');
  assert.equal(await asClient(proxy, cyd), 200);

  writeFileSync(file, '{"clients": [');
  await until(() => errors(proxy).length > 0, 'the mistake is said');
  assert.match(
    errors(proxy)[0] ?? '',
    /^The clients file \S+ is not valid JSON: line 1, column 14: .*; what was read before stays in force\.$/,
  );
  assert.equal(await asClient(proxy, ann), 200);
});

test('SIGHUP reads the files again, and ends nothing', async (t) => {
  const file = join(emptyDirectory(t), 'policy.rules');
  writeFileSync(file, readsOnly);
  const env = { MAAS_URL: 'http://127.0.0.1:1', MAAS_API_KEY: canaryKey, PORT: '0', ADMIN_PORT: 'off' };
  const running = startCli(t, ['--policy', file], env);
  await running.printed(/listening on/);
  writeFileSync(file, andTags);
  running.child.kill('SIGHUP');
  await running.printed(/SIGHUP: reloading the files/);
  await running.printed(/read the policy file \S+ again/);
  running.child.kill('SIGHUP');
  running.child.kill('SIGTERM');
  assert.equal((await running.ended).code, 0);
});

test('SIGHUP ends nothing where there are no files', async (t) => {
  const env = { MAAS_URL: 'http://127.0.0.1:1', MAAS_API_KEY: canaryKey, PORT: '0', ADMIN_PORT: 'off' };
  const running = startCli(t, [], env);
  const [, url = ''] = await running.printed(/listening on (http:\/\/127\.0\.0\.1:\d+)/);
  running.child.kill('SIGHUP');
  await running.printed(/SIGHUP: reloading the files/);
  assert.equal((await send(`${url}/users/`)).status, 502);
  running.child.kill('SIGTERM');
  assert.equal((await running.ended).code, 0);
});

async function postTag({ url }: TestProxy): Promise<number> {
  return (await send(`${url}/tags/`, { method: 'POST' })).status;
}

async function asClient({ url }: TestProxy, key: string): Promise<number> {
  return (await send(`${url}/users/`, { headers: { Authorization: `Bearer ${key}` } })).status;
}

async function addKey(t: TestContext, file: string, name: string): Promise<string> {
  const { code, stdout } = await runCli(t, ['keys', 'add', name, '--clients-file', file]);
  assert.equal(code, 0);
  return stdout.trim();
}

function told({ log }: TestProxy, sentence: RegExp): number {
  return log.filter(({ msg }) => sentence.test(String(msg))).length;
}

function errors({ log }: TestProxy): string[] {
  return log.filter(({ level, file }) => level === 50 && file !== undefined).map(({ msg }) => String(msg));
}
