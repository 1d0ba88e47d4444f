// Step by step everything that the program writes or answers, searched for the key's secret; secrets-mistakes.system-test.ts has its mistakes.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { commands } from '../../src/commands/commands.ts';
import { startSimulator } from '../../src/simulator/simulator.ts';
import {
  assertNoSecret,
  consumer,
  key,
  outputOf,
  percent,
  queryValue,
  secret,
  start,
  startMaas,
  token,
  type Watched,
} from '../support/canary.ts';
import { makeAuthority } from '../support/certificates.ts';
import { emptyDirectory, runCli } from '../support/cli.ts';
import { sendRaw, startRawMaas } from '../support/raw.ts';
import { send } from '../support/request.ts';

test('the search finds the secret in each shape', () => {
  for (const text of [
    secret,
    `"${secret.slice(3, 14)}…"`,
    `%26${secret}`,
    percent(secret),
    [...key].toReversed().join(''),
    Buffer.from(secret).toString('base64'),
    Buffer.from(`&${secret}`).toString('base64'),
    Buffer.from(key).toString('base64'),
    Buffer.from(key).toString('base64url'),
    Buffer.from(`name:${key}`).toString('base64'),
    Buffer.from(`ab${secret}cd`).toString('base64'),
    Buffer.from(key).toString('hex'),
    JSON.stringify(Buffer.from(key)),
  ]) {
    assert.throws(() => assertNoSecret(text, 'itself'), /the secret is in itself/, text);
  }
  assertNoSecret(`${consumer}:${token}:${'x'.repeat(32)}`, 'another key');
});

/** All kinds of requests, good and bad. @returns every byte that was answered */
async function askEverything({ url, adminUrl }: Watched, t: TestContext): Promise<string> {
  const form = { 'Content-Type': 'application/x-www-form-urlencoded' };
  const answers: string[] = [];
  const ask = async (path: string, options: Parameters<typeof send>[1] = {}, base = url): Promise<void> => {
    const { status, rawHeaders, body } = await send(base + path, options);
    answers.push(`${status} ${rawHeaders.join('\n')}\n\n${body.toString('latin1')}`);
  };
  await ask(`/users/?op=whoami&name=${queryValue}`);
  await ask('/MAAS/api/2.0/describe/');
  await ask('/MAAS/api/2.0/openapi.yaml');
  await ask('/zones/', { method: 'POST', headers: form, body: 'name=lab' });
  await ask('/zones/', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '{"name": "lab2"}' });
  await ask('/machines/m00001/?op=lock', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: '{',
  });
  await ask('/account/?op=list_authorisation_tokens');
  await ask('/account/', { method: 'POST', headers: form, body: 'op=create_authorisation_token' });
  await ask('/account/', { method: 'POST', headers: { 'Content-Type': 'multipart/form-data' }, body: 'x' });
  await ask(`/users/?callback=${queryValue}`);
  await ask(`/users/?oauth_token=${queryValue}`);
  await ask('/MAAS/r/');
  await ask('/a/../b');
  await ask('/missing/');
  await ask('/users/', { headers: { Authorization: 'OAuth oauth_token="x"', Cookie: 'sessionid=x' } });
  await ask('/users/', { headers: { Host: 'evil.example' } });
  await ask('/users/', { headers: { Origin: 'http://evil.example' } });
  await ask('/users/', { headers: { 'X-Long': 'a'.repeat(70_000) } });
  await ask('/users/', { method: 'TRACE' });
  await ask('/users/', { method: 'DELETE' });
  await ask('/files/', {
    method: 'POST',
    headers: { ...form, 'Content-Length': '20000000' },
    body: Buffer.alloc(20_000_000),
  });
  await ask('/livez', {}, adminUrl);
  await ask('/readyz', {}, adminUrl);
  await ask('/metrics', {}, adminUrl);
  await ask('/missing', {}, adminUrl);
  for (const raw of [
    'nonsense\r\n\r\n',
    'GET /users/ HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\nConnection: close\r\n\r\n',
    'GET /users/ HTTP/3.0\r\nHost: localhost\r\n\r\n',
    'CONNECT localhost:1 HTTP/1.1\r\nHost: localhost\r\n\r\n',
    'POST /zones/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
    '\x16\x03\x01\x02\x00',
  ]) {
    answers.push((await sendRaw(t, url, raw)).text);
  }
  return answers.join('\n');
}

for (const level of ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']) {
  for (const format of ['json', 'pretty']) {
    test(`at level ${level} in ${format} neither log nor answers hold the secret; MAAS does get it`, async (t) => {
      const maas = await startMaas(t);
      const flags = ['--log-level', level, '--log-format', format];
      const good = await start(t, maas.url, flags);
      assertNoSecret(await askEverything(good, t), 'an answer');
      const signatures = maas.received.flatMap(({ rawHeaders }) =>
        rawHeaders.filter((value) => value.includes(`%26${secret}`)),
      );
      assert.ok(signatures.length > 5, 'MAAS got no signature');
      const log = await outputOf(good);
      assertNoSecret(log, 'the log');
      assert.ok(!log.includes(queryValue), log);
      // The names of the query stand there, at the levels that log requests at all.
      const isLogged = ['trace', 'debug', 'info'].includes(level);
      assert.equal(log.includes('/users/?op&name'), isLogged, log);
    });
  }
}

/** The key as somebody puts it where no key belongs, in each way to write its colons. */
const misplaced = [
  key,
  key.replaceAll(':', '%3A'),
  key.replaceAll(':', '%3a'),
  key.replaceAll(':', '%253A'),
  percent(key),
];

/** Requests with the key in the wrong place. @returns every byte that was answered */
async function askWithKey(url: string, t: TestContext): Promise<string> {
  const answers: string[] = [];
  const ask = async (path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<void> => {
    const { status, rawHeaders, body } = await send(url + path, { method, headers });
    answers.push(`${status} ${rawHeaders.join('\n')}\n\n${body.toString('latin1')}`);
  };
  for (const form of misplaced) {
    await ask(`/users/?${form}`);
    await ask(`/users/?op=whoami&${form}&x=1`);
    await ask(`/users/?${form}=1`);
    await ask(`/users/?oauth_${form}=1`);
    await ask(`/account/?op=${form}`, {}, 'POST');
    await ask(`/account/op-${form}`, {}, 'POST');
    await ask(`/machines/${form}/?op=deploy`, {}, 'POST');
    await ask(`/machines/m%2F${form}/?op=deploy`, {}, 'POST');
    await ask(`/MAAS/${form}/`);
    await ask(`/${form}/../x/`);
    await ask(`//ann:${form}@localhost/users/`);
    await ask('/users/?op=whoami', { 'X-Request-Id': form });
    await ask('/users/', { Host: form });
    await ask('/users/', { Host: `${form}.example` });
    await ask('/users/', { Origin: `http://${form}` });
    for (const raw of [
      `GET http://${form}@localhost/users/?${form} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`,
      `CONNECT ${form}@localhost:443 HTTP/1.1\r\nHost: localhost\r\n\r\n`,
      `CONNECT ${form} HTTP/1.1\r\nHost: localhost\r\n\r\n`,
      `${form} /users/ HTTP/1.1\r\nHost: localhost\r\n\r\n`,
      `GET /users/ ${form}\r\nHost: localhost\r\n\r\n`,
      `GET /users/ HTTP/1.1\r\nConnection: close\r\n${form}\r\n\r\n`,
    ]) {
      answers.push((await sendRaw(t, url, raw)).text);
    }
  }
  return answers.join('\n');
}

for (const format of ['json', 'pretty']) {
  test(`a key in the wrong place of a request is masked in log, audit and answers, in ${format}`, async (t) => {
    // It answers all alike, so that whatever an answer repeats is the proxy's own.
    const maas = await startRawMaas(t, ({ socket }) => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok');
    });
    const audit = join(emptyDirectory(t), 'audit.log');
    const policy = join(emptyDirectory(t), 'policy');
    writeFileSync(policy, 'GET users/**\n');
    const flags = ['--log-level', 'trace', '--log-format', format, '--audit-file', audit, '--policy', policy];
    const watched = await start(t, maas.url, flags);
    assertNoSecret(await askWithKey(watched.url, t), 'an answer');
    const log = await outputOf(watched);
    assertNoSecret(log, 'the log');
    assert.ok(log.includes('/users/?(key)'), log);
    assertNoSecret(readFileSync(audit, 'utf8'), 'the audit file');
  });
}

test('a key in the wrong place is masked in what explain, and a mistaken command, say', async (t) => {
  for (const form of misplaced) {
    for (const args of [
      ['explain', 'GET', `/users/?${form}`],
      ['explain', 'POST', `/machines/${form}/?op=${form}`],
      ['explain', 'POST', `/machines/${form}/op-${form}`],
      ['explain', 'GET', `/users/?oauth_${form}=1`],
      ['explain', 'GET', `/MAAS/${form}/`],
      ['explain', 'GET', `http://${form}@localhost/MAAS/r/`],
      ['explain', form, '/users/'],
      ['keys', 'revoke', form, '--clients-file', join(emptyDirectory(t), 'clients.json')],
      [form],
      ['serve', form],
      [`--${form}`],
      ['--policy', form],
    ]) {
      const { stdout, stderr } = await runCli(t, args, {
        MAAS_URL: 'http://127.0.0.1:1',
        MAAS_API_KEY: key,
        ADMIN_PORT: '0',
      });
      assertNoSecret(stdout + stderr, args.join(' '));
      assert.notEqual(stdout + stderr, '', args.join(' '));
    }
  }
});

for (const [what, env] of [
  ['the wrong secret', { MAAS_API_KEY: `${consumer}:${token}:${'w'.repeat(32)}` }],
  ['another token', { MAAS_API_KEY: `${consumer}:${'t'.repeat(18)}:${secret}` }],
  ['another consumer', { MAAS_API_KEY: `${'c'.repeat(18)}:${token}:${secret}` }],
] as const) {
  for (const format of ['json', 'pretty']) {
    test(`with ${what}, where MAAS prints what it knows, nothing of it gets out, in ${format}`, async (t) => {
      const maas = await startMaas(t);
      const watched = await start(t, maas.url, ['--log-level', 'trace', '--log-format', format], env);
      assertNoSecret(await askEverything(watched, t), 'an answer');
      assertNoSecret(await outputOf(watched), 'the log');
      for (const flags of [[], ['--json']]) {
        const { code, stdout, stderr } = await runCli(t, ['check', ...flags], { MAAS_URL: maas.url, ...env });
        assert.equal(code, 1);
        assertNoSecret(stdout + stderr, 'check');
      }
    });
  }
}

test('the test would see it: MAAS does print the true secret to a wrong one', async (t) => {
  const maas = await startMaas(t);
  const header =
    `OAuth oauth_version="1.0", oauth_signature_method="PLAINTEXT", oauth_consumer_key="${consumer}", oauth_token="${token}", ` +
    `oauth_signature="%26wrong", oauth_nonce="1", oauth_timestamp="${Math.floor(Date.now() / 1000)}"`;
  const { body } = await send(`${maas.url}/MAAS/api/2.0/users/`, { headers: { Authorization: header } });
  assert.ok(body.includes(secret));
});

test('when MAAS is down, cannot be trusted, breaks off, or sends the signature back in nonsense, the secret stays in', async (t) => {
  const gone = await startSimulator({ machines: 1 });
  await gone.close();
  const { cert, key: certKey } = await (await makeAuthority(t)).issue('IP:127.0.0.1');
  const secure = createServer({ cert, key: certKey }, (_request, response) => response.end());
  await new Promise<void>((resolve) => {
    secure.listen(0, '127.0.0.1', resolve);
  });
  t.after(() => secure.close());
  const echoes = (answer: (head: string) => string) =>
    startRawMaas(t, ({ socket, text }) => {
      const head = text().slice(text().lastIndexOf('GET '));
      socket.end(answer(/authorization: .*/i.exec(head)?.[0] ?? ''), 'latin1');
    });
  const addresses = [
    gone.url,
    `https://127.0.0.1:${(secure.address() as AddressInfo).port}`,
    (await echoes((signature) => `${signature}\r\n\r\n`)).url,
    (await echoes((signature) => `HTTP/1.1 200 ${signature}\0\r\nX: y\r\n\r\n`)).url,
    (await echoes((signature) => `HTTP/1.1 200 OK\r\n${signature}\0\r\n\r\n`)).url,
    (await echoes(() => 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx')).url,
    (
      await echoes(
        (signature) => `HTTP/1.1 401 Unauthorized\r\nContent-Length: ${signature.length}\r\n\r\n${signature}`,
      )
    ).url,
    (await echoes((signature) => `HTTP/1.1 401 ${signature}\r\nContent-Length: 900\r\n\r\n${signature}`)).url,
    (await echoes((signature) => `HTTP/1.1 502 Bad Gateway\r\nContent-Length: ${signature.length}\r\n\r\n${signature}`))
      .url,
  ];
  for (const address of addresses) {
    const watched = await start(t, address, ['--log-level', 'trace', '--log-format', 'json']);
    const raw = await sendRaw(t, watched.url, 'GET /users/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');
    assertNoSecret(raw.text, `the answer of ${address}`);
    const ready = await send(`${watched.adminUrl}/readyz`);
    assertNoSecret(ready.body.toString(), 'readyz');
    assertNoSecret(await outputOf(watched), 'the log');
    const { stdout, stderr } = await runCli(t, ['check'], { MAAS_URL: address, MAAS_API_KEY: key });
    assertNoSecret(stdout + stderr, 'check');
  }
});

test('the commands that need no MAAS say nothing of the key, nor does help', async (t) => {
  const env = { MAAS_URL: 'http://127.0.0.1:1', MAAS_API_KEY: key, ADMIN_PORT: '1' };
  const all = [
    ...Object.keys(commands).flatMap((name) => [
      [name, '--help'],
      [name, '--version'],
      [name, '--nonsense'],
    ]),
    ['--help'],
    ['--version'],
    ['nonsense'],
    ['explain', 'GET', '/users/'],
    ['explain', 'POST', '/account/', '--body', 'op=create_authorisation_token'],
    ['healthcheck'],
    ['healthcheck', '--ready'],
  ];
  for (const args of all) {
    const { stdout, stderr } = await runCli(t, args, env);
    assertNoSecret(stdout + stderr, args.join(' '));
    assert.notEqual(stdout + stderr, '', args.join(' '));
  }
});

test('the process list and the command line of the process do not hold the key, from a file neither does the environment', async (t) => {
  const maas = await startMaas(t);
  const file = join(emptyDirectory(t), 'key');
  writeFileSync(file, key, { mode: 0o600 });
  const { running } = await start(t, maas.url, ['--api-key-file', file], { MAAS_API_KEY: '' });
  const pid = String(running.child.pid);
  const list = execFileSync('ps', ['-eww', '-o', 'pid,args'], { encoding: 'utf8' });
  assert.match(list, new RegExp(`^ *${pid} .*cli\\.js`, 'm'));
  assertNoSecret(list, 'the process list');
  assertNoSecret(readFileSync(`/proc/${pid}/cmdline`, 'latin1'), 'the command line');
  assertNoSecret(readFileSync(`/proc/${pid}/environ`, 'latin1'), 'the environment');
});
