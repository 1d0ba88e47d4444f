import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';

import { closeSync, constants, mkdirSync, openSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { startSimulator } from '../../src/simulator/simulator.ts';
import { eventually } from '../support/eventually.ts';
import { emptyDirectory, runCli, startCli, type Running } from '../support/cli.ts';
import { give, startGateway } from '../support/gateway.ts';
import { startOrigin } from '../support/origin.ts';
import { needProgram } from '../support/programs.ts';
import { canaryKey, startTestProxy } from '../support/proxy.ts';
import { sendRaw } from '../support/raw.ts';
import { startRecordingMaas } from '../support/recording-maas.ts';
import { send } from '../support/request.ts';
import { scrape } from '../support/scrape.ts';
import { until } from '../support/until.ts';

/** The lines of an audit file, each of which must be whole. */
function read(file: string): Record<string, unknown>[] {
  const text = readFileSync(file, 'utf8');
  assert.ok(text === '' || text.endsWith('\n'), `no newline at the end: ${text.slice(-100)}`);
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

/** The proxy as a process of its own with an audit file. */
async function start(
  t: TestContext,
  maasUrl: string,
  file: string,
): Promise<{ running: Running; url: string; adminUrl: string }> {
  const running = startCli(t, ['--port', '0', '--admin-port', '0'], {
    MAAS_URL: maasUrl,
    MAAS_API_KEY: canaryKey,
    AUDIT_FILE: file,
  });
  const [, url = '', adminUrl = ''] = await running.printed(/"url":"(http:[^"]+)","adminUrl":"([^"]+)"/);
  return { running, url, adminUrl };
}

/** Resolves when so many records have been lost. */
async function lost(adminUrl: string | undefined, count: number): Promise<void> {
  const name = 'maas_auth_proxy_audit_write_failures_total';
  await eventually(
    async () => (await scrape(adminUrl)).get(name) === count,
    () => `never: ${count} lost records`,
    20_000,
  );
}

test('each request is a line that says who asked what, how it was judged, how much and how long', async (t) => {
  const maas = await startSimulator({ machines: 1 });
  t.after(() => maas.close());
  const file = join(emptyDirectory(t), 'audit.log');
  const ann = give('ann', { policy: ['GET **', 'POST machines/* lock'] });
  const proxy = await startGateway(t, maas.url, [ann], { key: maas.adminKey, flags: ['--audit-file', file] });
  const ask = (path: string, options: Parameters<typeof send>[1] = {}): Promise<unknown> =>
    send(proxy.url + path, { ...options, headers: { Authorization: `Bearer ${ann.key}`, ...options.headers } });
  await ask('/machines/m00001/?op=lock&comment=hush', {
    method: 'POST',
    headers: { 'X-Request-Id': 'run-1', 'Content-Type': 'application/x-www-form-urlencoded' },
    body: 'a=b',
  });
  await ask('/machines/m00001/?op=unlock', { method: 'POST' });
  await ask('/machines/', { headers: { Authorization: 'Bearer nobody' } });
  await ask('/machines/', { headers: { Host: 'evil.example' } });
  await ask('/machines/', { headers: { Origin: 'http://evil.example' } });
  await ask('/MAAS/r/');
  await until(() => read(file).length === 6, 'six lines');
  const lines = read(file);
  const [lock] = lines;
  assert.match(String(lock?.['time']), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  for (const name of ['ms', 'waitMs', 'maasMs', 'bytesOut']) assert.equal(typeof lock?.[name], 'number', name);
  const { time, ms, waitMs, maasMs, bytesOut, ...exactly } = lock ?? {};
  assert.deepEqual(exactly, {
    requestId: 'run-1',
    client: 'ann',
    operation: 'POST machines/{system_id} lock',
    method: 'POST',
    path: '/machines/m00001/?op&comment',
    status: 200,
    verdict: 'allowed',
    rule: 'POST machines/* lock',
    peer: '127.0.0.1',
    bytesIn: 3,
  });
  assert.ok(Number(bytesOut) > 100 && Number(ms) >= Number(maasMs) && Number(waitMs) >= 0 && time !== undefined);
  assert.deepEqual(
    lines.map((line) => [line['verdict'], line['code'], line['client'], line['operation'], line['rule']]),
    [
      ['allowed', undefined, 'ann', 'POST machines/{system_id} lock', 'POST machines/* lock'],
      ['refused', 'policy-refused', 'ann', 'POST machines/{system_id} unlock', undefined],
      ['refused', 'client-unknown', undefined, 'GET machines', undefined],
      ['refused', 'unknown-host', undefined, 'other', undefined],
      ['refused', 'cross-site', undefined, 'other', undefined],
      ['refused', 'outside-api', undefined, 'other', undefined],
    ],
  );
  assert.ok(!readFileSync(file, 'utf8').includes('hush'));
  const kept = ['requestId', 'client', 'operation', 'path', 'status', 'verdict', 'rule', 'code', 'ms', 'bytesOut'];
  const only = (line: Record<string, unknown>): unknown[] => kept.map((name) => line[name]);
  assert.deepEqual(
    proxy.log.filter(({ msg }) => msg === 'request').map(only),
    lines.map(only),
    'the log tells the same',
  );
});

test("the file is its owner's alone, and is added to", async (t) => {
  const origin = await startOrigin(t);
  const file = join(emptyDirectory(t), 'audit.log');
  for (const count of [1, 2]) {
    const proxy = await startTestProxy(t, origin.url, { flags: ['--audit-file', file] });
    await send(`${proxy.url}/machines/`);
    await proxy.stop();
    assert.equal(read(file).length, count);
  }
  assert.equal(statSync(file).mode & 0o777, 0o600);
});

test('half a line that something has left is ended before anything is added', async (t) => {
  const origin = await startOrigin(t);
  const file = join(emptyDirectory(t), 'audit.log');
  writeFileSync(file, '{"requestId":"whole"}\n{"requestId":"ha');
  const proxy = await startTestProxy(t, origin.url, { flags: ['--audit-file', file] });
  await send(`${proxy.url}/machines/`, { headers: { 'X-Request-Id': 'next' } });
  await proxy.stop();
  const lines = readFileSync(file, 'utf8').split('\n');
  assert.deepEqual(lines.slice(0, 2), ['{"requestId":"whole"}', '{"requestId":"ha']);
  assert.equal((JSON.parse(lines[2] ?? '') as { requestId: string }).requestId, 'next');
  assert.deepEqual(lines.slice(3), ['']);
});

test('after SIGHUP the record goes on in a new file, and none is lost while requests come', async (t) => {
  const origin = await startOrigin(t);
  const directory = emptyDirectory(t);
  const file = join(directory, 'audit.log');
  const { running, url } = await start(t, origin.url, file);
  let sent = 0;
  for (const turn of [1, 2, 3]) {
    const asking = Promise.all(Array.from({ length: 40 }, () => send(`${url}/machines/`)));
    sent += 40;
    renameSync(file, `${file}.${turn}`);
    running.child.kill('SIGHUP');
    await asking;
    await running.printed(new RegExp(`(?:opened the audit file[^]*){${turn}}`));
  }
  assert.equal(statSync(file).mode & 0o777, 0o600);
  await send(`${url}/machines/`, { headers: { 'X-Request-Id': 'last' } });
  running.child.kill('SIGTERM');
  assert.equal((await running.ended).code, 0);
  const lines = [`${file}.1`, `${file}.2`, `${file}.3`, file].flatMap(read);
  assert.equal(lines.length, sent + 1);
  assert.equal(read(file).at(-1)?.['requestId'], 'last');
});

test('where the new file cannot be opened, the old one stays in use', async (t) => {
  const origin = await startOrigin(t);
  const directory = join(emptyDirectory(t), 'logs');
  mkdirSync(directory);
  const proxy = await startTestProxy(t, origin.url, { flags: ['--audit-file', join(directory, 'audit.log')] });
  renameSync(directory, `${directory}.1`);
  await proxy.reload();
  const error = proxy.log.find(({ level }) => level === 50);
  assert.match(String(error?.['msg']), /cannot be opened anew; the one from before stays in use until it can\.$/);
  await send(`${proxy.url}/machines/`);
  await until(() => read(join(`${directory}.1`, 'audit.log')).length === 1, 'the line in the old file');
});

test('on a full disk requests go on, each lost record is counted, and one warning says so', async (t) => {
  const origin = await startOrigin(t);
  const proxy = await startTestProxy(t, origin.url, { flags: ['--audit-file', '/dev/full'] });
  for (let count = 0; count < 20; count += 1) {
    assert.equal((await send(`${proxy.url}/machines/`)).status, 200);
  }
  await lost(proxy.adminUrl, 20);
  const warnings = proxy.log.filter(({ level }) => level === 40);
  assert.deepEqual(
    warnings.map(({ msg }) => msg),
    [
      'The audit file /dev/full cannot be written: the disk is full. Requests go on without a record in it, until it can.',
    ],
  );
});

test('when the disk has room again the record goes on, behind whatever half line there is', async (t) => {
  const prlimit = await needProgram(t, 'prlimit', { debianPackage: 'util-linux' });
  if (prlimit === undefined) return;
  const origin = await startOrigin(t);
  const file = join(emptyDirectory(t), 'audit.log');
  const { running, url, adminUrl } = await start(t, origin.url, file);
  const limit = (bytes: number | 'unlimited'): void => {
    execFileSync(prlimit, ['--pid', String(running.child.pid), `--fsize=${bytes}:unlimited`]);
  };
  await send(`${url}/machines/`, { headers: { 'X-Request-Id': 'before' } });
  await until(() => read(file).length === 1, 'the first line');
  limit(statSync(file).size + 100);
  for (let count = 0; count < 3; count += 1) await send(`${url}/machines/`, { headers: { 'X-Request-Id': 'lost' } });
  await lost(adminUrl, 3);
  limit('unlimited');
  await send(`${url}/machines/`, { headers: { 'X-Request-Id': 'after' } });
  await running.printed(/can be written again; 3 records are missing in it/);
  running.child.kill('SIGTERM');
  await running.ended;
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
  const ids = lines.map((line) => {
    try {
      return (JSON.parse(line) as { requestId: string }).requestId;
    } catch {
      return `${line.length} bytes`;
    }
  });
  assert.deepEqual(ids, ['before', '100 bytes', 'after']);
});

test('a process that is killed at any moment leaves no broken line', async (t) => {
  const origin = await startOrigin(t);
  const file = join(emptyDirectory(t), 'audit.log');
  let answered = 0;
  for (let round = 0; round < 5; round += 1) {
    const { running, url } = await start(t, origin.url, file);
    const ask = async (): Promise<void> => {
      for (;;) {
        await send(`${url}/machines/`);
        answered += 1;
        if (answered % (60 + round * 7) === 0) running.child.kill('SIGKILL');
      }
    };
    await Promise.allSettled(Array.from({ length: 8 }, ask));
    await running.ended;
  }
  const lines = read(file);
  assert.ok(lines.length > answered / 2, `${lines.length} lines of ${answered} requests`);
  for (const line of lines) assert.equal(line['operation'], 'GET machines');
});

test('an audit pipe that nobody reads holds up neither requests nor the end', async (t) => {
  const origin = await startOrigin(t);
  const pipe = join(emptyDirectory(t), 'pipe');
  execFileSync('mkfifo', [pipe]);
  // Opened for both, it needs nobody at the other end.
  const held = openSync(pipe, constants.O_RDWR);
  t.after(() => closeSync(held));
  const { running, url, adminUrl } = await start(t, origin.url, pipe);
  const path = `/machines/${'x'.repeat(2_000)}/`;
  for (let count = 0; count < 100; count += 1) assert.equal((await send(url + path)).status, 200);
  assert.equal((await send(`${adminUrl}/livez`)).status, 200);
  running.child.kill('SIGTERM');
  await until(() => running.child.exitCode !== null || running.child.signalCode !== null, 'the end');
  assert.equal(running.child.exitCode, 0);
});

test('an audit file that cannot be written is a mistake that says what to do', async (t) => {
  const env = { MAAS_URL: 'http://127.0.0.1:1', MAAS_API_KEY: canaryKey };
  const directory = emptyDirectory(t);
  execFileSync('mkfifo', [join(directory, 'pipe')]);
  for (const [path, why] of [
    [directory, 'is a directory'],
    [join(directory, 'missing', 'audit.log'), 'whose directory does not exist'],
    [join(directory, 'pipe'), 'which is a pipe that nobody reads, or a socket'],
  ] as const) {
    const { code, stderr } = await runCli(t, ['--port', '0', '--audit-file', path], env);
    assert.equal(code, 2);
    assert.match(stderr, new RegExp(`--audit-file \\(AUDIT_FILE\\) names the file .*${why}`));
  }
});

test("MAAS's own record shows the person: the client's name behind its user agent, and its address alone", async (t) => {
  const maas = await startRecordingMaas(t);
  const ann = give('ann');
  const proxy = await startGateway(t, maas.url, [ann]);
  const authorization = `Authorization: Bearer ${ann.key}`;
  for (const further of [
    'User-Agent: curl/8.5.0\r\nX-Forwarded-For: 192.0.2.66\r\n',
    '',
    'User-Agent: one\r\nUser-Agent: two\r\n',
    'User-Agent:\r\n',
  ]) {
    const head = `GET /machines/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n${authorization}\r\n${further}\r\n`;
    assert.match((await sendRaw(t, proxy.url, head)).head, /^HTTP\/1.1 200 /);
  }
  const values = (wanted: string): string[][] =>
    maas.received.map(({ fields }) =>
      fields.filter(([name]) => name.toLowerCase() === wanted).map(([, value]) => value),
    );
  assert.deepEqual(values('user-agent'), [
    ['curl/8.5.0 (via maas-auth-proxy; client=ann)'],
    ['(via maas-auth-proxy; client=ann)'],
    ['one two (via maas-auth-proxy; client=ann)'],
    ['(via maas-auth-proxy; client=ann)'],
  ]);
  assert.deepEqual(values('x-forwarded-for'), [['127.0.0.1'], ['127.0.0.1'], ['127.0.0.1'], ['127.0.0.1']]);
});

test('a key that a program puts in front of the host in the address is in no record', async (t) => {
  const file = join(emptyDirectory(t), 'audit.log');
  const ann = give('ann');
  const proxy = await startGateway(t, 'http://127.0.0.1:9', [ann], { flags: ['--audit-file', file] });
  const target = `http://ann:${ann.key}@localhost/users/?op=whoami`;
  await sendRaw(t, proxy.url, `GET ${target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
  await until(() => read(file).length === 1, 'a line');
  assert.equal(read(file)[0]?.['path'], 'http://localhost/users/?op');
  assert.ok(!JSON.stringify(proxy.log).includes(ann.key));
});
