import assert from 'node:assert/strict';
import { test } from 'node:test';
import { check, maas, run, someKey, tcpServer, webServer } from '../check-runs.ts';

test('a name that does not resolve', async (t) => {
  const { code, step } = await check(t, { MAAS_URL: 'http://nothing.invalid:5240', MAAS_API_KEY: someKey });
  assert.equal(code, 1);
  assert.equal(step('DNS').status, 'error');
  assert.match(step('DNS').detail, /^nothing\.invalid: .*cannot be resolved$/);
  assert.equal(step('API key').detail, 'not tried, because of DNS');
});

test('a port where nothing listens', async (t) => {
  const { url, close } = await maas(t);
  await close();
  const { code, step } = await check(t, { MAAS_URL: url, MAAS_API_KEY: someKey });
  assert.equal(code, 1);
  assert.match(step('TCP').detail, /^127\.0\.0\.1 port \d+: Nothing listens/);
  assert.match(step('TCP').remedy ?? '', /MAAS is running/);
});

test('the plain port of a MAAS that has TLS on', async (t) => {
  const { url, adminKey, received } = await maas(t, { plainPortRedirectsTo: 'https://maas.example:5443' });
  const { code, step } = await check(t, { MAAS_URL: url, MAAS_API_KEY: adminKey });
  assert.equal(code, 1);
  assert.match(step('HTTP').detail, /redirects to https \(301\)/);
  assert.match(step('HTTP').remedy ?? '', /^Use https:\/\/maas\.example:5443\/MAAS as MAAS_URL/);
  assert.match(step('HTTP').remedy ?? '', /\/machines.* in clear text/);
  assert.equal(step('API key').status, 'skipped');
  assert.ok(
    received.every(({ rawHeaders }) => !/authorization/i.test(rawHeaders.join())),
    'the key is not sent',
  );
});

for (const [what, status, headers, body, detail] of [
  ['another web server', 404, { Server: 'other/1' }, 'nothing here', /^not a MAAS: other\/1 answers .* 404$/],
  ['a web page', 200, { 'Content-Type': 'text/html' }, '<html>', /^not a MAAS: .* 200 with a web page$/],
  ['a login before MAAS', 401, { Server: 'Apache' }, 'who?', /^Apache asks for a login of its own \(401\)$/],
  ['a MAAS that is starting', 502, { Server: 'nginx' }, '<html>', /\(nginx\) answers 502: the MAAS region controller/],
  [
    'a MAAS whose database is down',
    500,
    { 'X-Frame-Options': 'DENY' },
    'no connection\u009b31m to the database. Really; none',
    /^MAAS answers with an error of its own: status 500, "no connection 31m to the database\. Really; none"$/,
  ],
  ['a path that is changed', 404, {}, 'Unknown API endpoint: /x.', /^a MAAS answers, but another path/],
  ['JSON of something else', 200, {}, '{"version": 1}', /^not a MAAS/],
  ['a redirect', 302, { Location: '/login' }, '', /redirects .* elsewhere \(302\)$/],
  [
    'a header that means ill',
    404,
    { Server: `a\u009b31m${'b'.repeat(200)}` },
    '',
    /^not a MAAS: a[ \ufffd]31mb{75,}… answers/,
  ],
] as const) {
  test(`not a MAAS: ${what}; and the key is not sent there`, async (t) => {
    const seen: (string | undefined)[] = [];
    const url = await webServer(t, (request, response) => {
      seen.push(request.headers.authorization);
      response.writeHead(status, headers).end(body);
    });
    const { code, step } = await check(t, { MAAS_URL: url, MAAS_API_KEY: someKey });
    assert.equal(code, 1);
    assert.equal(step('MAAS').status, 'error');
    assert.match(step('MAAS').detail, detail);
    assert.ok(step('MAAS').remedy);
    assert.deepEqual(seen, [undefined]);
  });
}

test('a MAAS whose database goes down in between: the key is neither taken nor refused', async (t) => {
  const { url, adminKey, faults } = await maas(t);
  faults.next('GET /users/', { kind: 'status', status: 500, body: 'no connection. Really' });
  const { code, step } = await check(t, { MAAS_URL: url, MAAS_API_KEY: adminKey });
  assert.equal(code, 1);
  assert.match(step('API key').detail, /answers with an error of its own: status 500, "no connection\. Really"$/);
  assert.equal(step('API key').remedy, 'Look at the log of the MAAS server, and whether its database is up.');
});

test('a path before /MAAS that is too much', async (t) => {
  const { url, adminKey } = await maas(t);
  const { code, step } = await check(t, { MAAS_URL: `${url}/lab`, MAAS_API_KEY: adminKey });
  assert.equal(code, 1);
  assert.equal(step('MAAS').remedy, `Use ${url}/MAAS as MAAS_URL.`);
});

test('something that does not speak HTTP', async (t) => {
  const url = await tcpServer(t, (socket) => socket.end('SSH-2.0-OpenSSH_9.6\r\n'));
  const { code, step } = await check(t, { MAAS_URL: url, MAAS_API_KEY: someKey });
  assert.equal(code, 1);
  assert.equal(step('HTTP').detail, 'what answers does not speak HTTP');
});

test('something that hangs up', async (t) => {
  const url = await tcpServer(t, (socket) => socket.once('data', () => socket.destroy()));
  const { code, step } = await check(t, { MAAS_URL: url, MAAS_API_KEY: someKey });
  assert.equal(code, 1);
  assert.equal(step('HTTP').detail, 'the connection was closed without an answer');
});

for (const [clockOffset, code, status, detail] of [
  [30, 0, 'ok', /apart$/],
  [100, 0, 'warning', /^MAAS's clock is (?:99|100|101) s ahead of this machine's$/],
  [-100, 0, 'warning', /^MAAS's clock is (?:99|100|101) s behind this machine's$/],
  [-300, 1, 'error', /^MAAS's clock is (?:299|300|301) s behind/],
  [300, 1, 'error', /^MAAS's clock is (?:299|300|301) s ahead of/],
  [400, 1, 'error', /^MAAS's clock is (?:399|400|401) s ahead of/],
] as const) {
  test(`a clock that is ${clockOffset} s off`, async (t) => {
    const { url, adminKey } = await maas(t, { clockOffset });
    const found = await check(t, { MAAS_URL: url, MAAS_API_KEY: adminKey });
    assert.equal(found.code, code);
    assert.equal(found.step('clock').status, status);
    assert.match(found.step('clock').detail, detail);
    if (status !== 'ok') assert.match(found.step('clock').remedy ?? '', /NTP/);
  });
}

test('a key that MAAS does not know', async (t) => {
  const { url } = await maas(t);
  const { code, stdout, step } = await check(t, { MAAS_URL: url, MAAS_API_KEY: someKey });
  assert.equal(code, 1);
  assert.match(step('API key').detail, /^MAAS does not know the API key/);
  assert.equal(step('API key').remedy, 'Copy a key from MAAS, user name, "API keys".');
  assert.equal(step('identity').status, 'skipped');
  assert.ok(!stdout.includes('theSecret'));
});

test('a wrong secret: neither it nor the true one, which MAAS gives away, is shown', async (t) => {
  const { url, adminKey } = await maas(t);
  const [consumer, token, secret] = adminKey.split(':') as [string, string, string];
  const wrong = 'wrongwrongwrongwrongwrongwrong00';
  for (const flags of [[], ['--json']]) {
    const outcome = await run(t, ['check', ...flags], {
      MAAS_URL: url,
      MAAS_API_KEY: [consumer, token, wrong].join(':'),
    });
    assert.equal(outcome.code, 1);
    assert.match(outcome.stdout, /The secret, the third part of the API key, is wrong/);
    for (const hidden of [secret, wrong]) assert.ok(!(outcome.stdout + outcome.stderr).includes(hidden));
  }
});

test('a user who is disabled', async (t) => {
  const { url, disabledKey } = await maas(t);
  const { code, step } = await check(t, { MAAS_URL: url, MAAS_API_KEY: disabledKey });
  assert.equal(code, 1);
  assert.match(step('API key').detail, /its user may not use the API/);
});
