// Step 1: what the proxy lets itself be called. A name that is not its own may be one that was rebound to its address.
import assert from 'node:assert/strict';
import { lookup } from 'node:dns/promises';
import { connect } from 'node:net';
import { hostname, networkInterfaces } from 'node:os';
import { test, type TestContext } from 'node:test';
import { startOrigin } from '../support/origin.ts';
import { startTestProxy } from '../support/proxy.ts';

/** What a client saw of its request, and how many MAAS's side received. */
interface Outcome {
  readonly status: number;
  readonly code: string | undefined;
  readonly detail: string;
  readonly arrived: number;
}

interface Asking {
  /** The header lines, among them the Host. */
  readonly lines?: readonly string[];
  readonly target?: string;
  readonly version?: string;
  readonly flags?: readonly string[];
  /** The address to connect to, by default 127.0.0.1. */
  readonly at?: string;
}

/** One raw request to a proxy of its own; `PORT` in it stands for the proxy's port. */
async function ask(
  t: TestContext,
  { lines = [], target = '/users/', version = 'HTTP/1.1', flags = [], at }: Asking,
): Promise<Outcome> {
  const origin = await startOrigin(t);
  const proxy = await startTestProxy(t, origin.url, { flags });
  const port = /:(\d+)$/.exec(proxy.url)?.[1] ?? assert.fail(proxy.url);
  const request = [`GET ${target} ${version}`, ...lines, 'Connection: close', '', ''].join('\r\n');
  const text = await exchange(at ?? '127.0.0.1', port, request.replaceAll('PORT', port));
  const [head = '', body = ''] = text.split('\r\n\r\n');
  const type = /^content-type: (.*)$/im.exec(head)?.[1]?.trim();
  const problem: Record<string, unknown> = type === 'application/problem+json' ? JSON.parse(body) : {};
  return {
    status: Number(/^HTTP\/1\.1 (\d{3}) /.exec(text)?.[1]),
    code: problem['code'] as string | undefined,
    detail: String(problem['detail'] ?? ''),
    arrived: origin.received.length,
  };
}

/** Sends these bytes, and reads until the proxy closes. */
function exchange(host: string, port: string, request: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = connect({ host, port: Number(port) }, () => socket.write(request, 'latin1'));
    socket.setEncoding('latin1').on('data', (text: string) => {
      answer += text;
    });
    socket.on('error', reject).on('close', () => resolve(answer));
  });
}

function assertForwarded(outcome: Outcome): void {
  assert.deepEqual([outcome.status, outcome.arrived], [200, 1], JSON.stringify(outcome));
}

function assertUnknown(outcome: Outcome, name?: string): void {
  const { status, code, detail, arrived } = outcome;
  assert.deepEqual([status, code, arrived], [421, 'unknown-host', 0], JSON.stringify(outcome));
  assert.match(detail, /--allowed-hosts \(ALLOWED_HOSTS\)/);
  if (name !== undefined) assert.ok(detail.includes(`"${name}"`), detail);
}

function assertBad(outcome: Outcome): void {
  const { status, code, detail, arrived } = outcome;
  assert.deepEqual([status, code, arrived], [400, 'bad-host', 0], JSON.stringify(outcome));
  assert.match(detail, /\.$/);
}

const open = ['--host', '0.0.0.0', '--allow-unauthenticated'];

for (const [what, value] of [
  ['localhost', 'localhost'],
  ['localhost with the port', 'localhost:PORT'],
  ['another port, as behind a published one of a container', 'localhost:9000'],
  ['an empty port', 'localhost:'],
  ['127.0.0.1 with the port', '127.0.0.1:PORT'],
  ['IPv6 loopback, whatever it listens on', '[::1]:PORT'],
  ['a dot at the end, the DNS root', 'localhost.'],
  ['a dot at the end and a port', 'localhost.:PORT'],
  ['upper case', 'LOCALHOST:PORT'],
  ['upper case with a dot', 'LocalHost.'],
  ['white space around it', '\t localhost:PORT \t'],
] as const) {
  test(`${what} is a name of the proxy's: "Host: ${value.trim()}"`, async (t) => {
    assertForwarded(await ask(t, { lines: [`Host: ${value}`] }));
  });
}

for (const [what, value, name] of [
  ['another name', 'evil.example', 'evil.example'],
  ['another name with the port', 'evil.example:PORT', 'evil.example'],
  ['another name in upper case, with a dot', 'EVIL.Example.', 'evil.example'],
  ['a name that begins like its own', 'localhost.evil.example', 'localhost.evil.example'],
  ['an address that begins like its own', '127.0.0.1.evil.example', '127.0.0.1.evil.example'],
  ['a name that ends like its own', 'evil-localhost', 'evil-localhost'],
  ['a domain below its own', 'evil.localhost', 'evil.localhost'],
  ['two dots at the end', 'localhost..', 'localhost.'],
  ['a dot alone', '.', ''],
  ['the address of all interfaces', '0.0.0.0:PORT', '0.0.0.0'],
  ['the IPv6 address of all interfaces', '[::]:PORT', '[::]'],
  ['zero', '0', '0'],
  ['another loopback address', '127.0.0.2', '127.0.0.2'],
  ['IPv4 as one decimal number', '2130706433:PORT', '2130706433'],
  ['IPv4 in hexadecimal', '0x7f000001', '0x7f000001'],
  ['IPv4 in hexadecimal parts', '0x7f.0.0.1', '0x7f.0.0.1'],
  ['IPv4 in octal', '0177.0.0.01', '0177.0.0.01'],
  ['IPv4 with parts left out', '127.1', '127.1'],
  ['IPv4 in IPv6', '[::ffff:127.0.0.1]', '[::ffff:127.0.0.1]'],
  ['IPv4 in IPv6, in hexadecimal', '[::FFFF:7F00:1]', '[::ffff:7f00:1]'],
  ['a future kind of address', '[v1.localhost]', '[v1.localhost]'],
  ['a percent-encoded letter', '%6cocalhost', '%6cocalhost'],
] as const) {
  test(`${what} is 421, and MAAS receives nothing: "Host: ${value}"`, async (t) => {
    assertUnknown(await ask(t, { lines: [`Host: ${value}`] }), name);
  });
}

for (const [what, value] of [
  ['an empty Host', ''],
  ['white space alone', ' \t '],
  ['a port alone', ':PORT'],
  ['user information', 'admin@localhost:PORT'],
  ['user information that looks like the host', 'localhost:PORT@evil.example'],
  ['a password', 'localhost:80@127.0.0.1'],
  ['a path', 'localhost/users/'],
  ['a backslash', 'localhost\\@evil.example'],
  ['a query', 'localhost?evil.example'],
  ['a fragment', 'localhost#evil.example'],
  ['a scheme', 'http://localhost'],
  ['a list', 'localhost, evil.example'],
  ['a list without a space', 'evil.example,localhost'],
  ['two names', 'localhost evil.example'],
  ['two ports', 'localhost:1:2'],
  ['a port of letters', 'localhost:http'],
  ['a port below zero', 'localhost:-1'],
  ['a port of six digits', 'localhost:123456'],
  ['IPv6 without brackets', '::1'],
  ['an open bracket', '[::1'],
  ['something behind the bracket', '[::1].evil.example'],
  ['a name in brackets', '[localhost]'],
  ['an IPv6 zone', '[fe80::1%25eth0]'],
  ['a "%" without two digits', 'localhost%0'],
  ['a letter beyond ASCII', 'l\xf6calhost'],
] as const) {
  test(`${what} is 400, and MAAS receives nothing: "Host: ${value}"`, async (t) => {
    assertBad(await ask(t, { lines: [`Host: ${value}`] }));
    assertBad(await ask(t, { lines: [`Host: ${value}`], flags: ['--allowed-hosts', '*'] }));
  });
}

for (const [what, lines] of [
  ['two Hosts, its own first', ['Host: localhost:PORT', 'Host: evil.example']],
  ['two Hosts, its own last', ['Host: evil.example', 'Host: localhost:PORT']],
  ['the same Host twice', ['Host: localhost:PORT', 'hOST: localhost:PORT']],
  ['an empty Host and its own', ['Host:', 'Host: localhost:PORT']],
  ['two Hosts with other lines between', ['Host: localhost:PORT', 'Accept: */*', 'Via: 1.1 x', 'Host: localhost:PORT']],
] as const) {
  test(`${what}: 400, and MAAS receives nothing`, async (t) => {
    const outcome = await ask(t, { lines });
    assertBad(outcome);
    assert.match(outcome.detail, /one Host/);
    assertBad(await ask(t, { lines, flags: ['--allowed-hosts', '*'] }));
  });
}

test('no Host: 400, and MAAS receives nothing', async (t) => {
  for (const version of ['HTTP/1.1', 'HTTP/1.0']) {
    for (const target of ['/users/', 'http://localhost:PORT/users/']) {
      const { status, arrived } = await ask(t, { version, target });
      assert.deepEqual([status, arrived], [400, 0], `${version} ${target}`);
    }
  }
});

test('what only looks like Host is none', async (t) => {
  for (const line of ['X-Forwarded-Host: evil.example', 'Hosts: evil.example', 'X-Host: evil.example']) {
    assertForwarded(await ask(t, { lines: ['Host: localhost', line] }));
  }
  // Nor does a right one beside it make up for a wrong one.
  for (const line of ['X-Forwarded-Host: localhost', 'Forwarded: host=localhost']) {
    assertUnknown(await ask(t, { lines: ['Host: evil.example', line] }));
  }
});

for (const [what, target, expected] of [
  ['its own name', 'http://localhost:PORT/users/', 200],
  ['its own address, in upper case', 'HTTP://127.0.0.1:PORT/users/', 200],
  ['its own name and https', 'https://localhost.:PORT/users/', 200],
  ['IPv6 loopback', 'http://[::1]:PORT/users/', 200],
  ['another name', 'http://evil.example/users/', 421],
  ['another name with the port', 'http://evil.example:PORT/users/', 421],
  ['a name that begins like its own', 'http://localhost.evil.example/users/', 421],
  ['another name in upper case', 'HTTPS://EVIL.EXAMPLE/users/', 421],
  ['the address of all interfaces', 'http://0.0.0.0:PORT/users/', 421],
  ['IPv4 as one decimal number', 'http://2130706433:PORT/users/', 421],
  ['another name and a query alone', 'http://evil.example?op=whoami', 421],
  ['user information', 'http://localhost:PORT@evil.example/users/', 400],
  ['user information before its own name', 'http://admin@localhost:PORT/users/', 400],
  ['a backslash', 'http://localhost\\@evil.example/users/', 400],
  ['no name', 'http:///users/', 400],
  ['a port of letters', 'http://localhost:http/users/', 400],
] as const) {
  test(`absolute-form with ${what}: ${expected}, though Host is right: ${target}`, async (t) => {
    const outcome = await ask(t, { target, lines: ['Host: localhost:PORT'] });
    if (expected === 200) assertForwarded(outcome);
    else if (expected === 421) assertUnknown(outcome);
    else {
      // Node's parser refuses some of these before the first step.
      assert.deepEqual([outcome.status, outcome.arrived], [400, 0]);
      assert.ok(['bad-host', 'malformed-request'].includes(outcome.code ?? ''), outcome.code);
    }
  });
}

test('absolute-form with the right name does not make up for a wrong Host', async (t) => {
  assertUnknown(
    await ask(t, { target: 'http://localhost:PORT/users/', lines: ['Host: evil.example'] }),
    'evil.example',
  );
  assertBad(await ask(t, { target: 'http://localhost:PORT/users/', lines: ['Host:'] }));
  assertBad(await ask(t, { target: 'http://localhost:PORT/users/', lines: ['Host: localhost', 'Host: localhost'] }));
});

test('other schemes and the authority form are no way in', async (t) => {
  for (const target of ['ftp://localhost/users/', 'ws://evil.example/users/', 'localhost:80', 'http:/users/', '*']) {
    const { status, arrived } = await ask(t, { target, lines: ['Host: localhost'] });
    assert.deepEqual([status, arrived], [400, 0], target);
  }
});

test('--allowed-hosts maas-proxy,team.example: these names too, and no others', async (t) => {
  const flags = ['--allowed-hosts', 'maas-proxy, Team.example.'];
  for (const name of ['maas-proxy', 'maas-proxy:PORT', 'MAAS-Proxy.', 'team.example', 'TEAM.EXAMPLE:80', 'localhost']) {
    assertForwarded(await ask(t, { flags, lines: [`Host: ${name}`] }));
    assertForwarded(await ask(t, { flags, lines: ['Host: localhost'], target: `http://${name}/users/` }));
  }
  for (const name of ['evil.example', 'a.team.example', 'team.example.evil.example', 'maas-proxy-2', 'example', '*']) {
    assertUnknown(await ask(t, { flags, lines: [`Host: ${name}`] }));
    if (name !== '*')
      assertUnknown(await ask(t, { flags, lines: ['Host: localhost'], target: `http://${name}/users/` }));
  }
});

test('--allowed-hosts takes an IPv6 address in brackets', async (t) => {
  const flags = ['--allowed-hosts', '[2001:DB8::1]'];
  assertForwarded(await ask(t, { flags, lines: ['Host: [2001:db8::1]:PORT'] }));
  assertUnknown(await ask(t, { flags, lines: ['Host: [2001:db8::2]:PORT'] }), '[2001:db8::2]');
});

test('--allowed-hosts *: any name, on its own or among others', async (t) => {
  for (const list of ['*', 'maas-proxy,*']) {
    for (const name of ['evil.example', '0.0.0.0', '2130706433', '[::1]:PORT', 'localhost']) {
      assertForwarded(await ask(t, { flags: ['--allowed-hosts', list], lines: [`Host: ${name}`] }));
    }
  }
});

test('an asterisk within a name is refused when the proxy starts: there are no patterns', async (t) => {
  await assert.rejects(ask(t, { flags: ['--allowed-hosts', '*.example'] }), /--allowed-hosts must be host names/);
});

test('HOST being an address: that address is a name of the proxy, loopback names stay', async (t) => {
  const flags = ['--host', '127.0.0.2'];
  for (const name of ['127.0.0.2', '127.0.0.2:PORT', 'localhost', '127.0.0.1']) {
    assertForwarded(await ask(t, { flags, at: '127.0.0.2', lines: [`Host: ${name}`] }));
  }
  assertUnknown(await ask(t, { flags, at: '127.0.0.2', lines: ['Host: 127.0.0.3'] }), '127.0.0.3');
});

test('HOST being a name: that name is one of the proxy', async (t) => {
  for (const name of ['localhost', 'LOCALHOST:PORT', '127.0.0.1']) {
    assertForwarded(await ask(t, { flags: ['--host', 'localhost'], lines: [`Host: ${name}`] }));
  }
  assertUnknown(await ask(t, { flags: ['--host', 'localhost'], lines: ['Host: evil.example'] }), 'evil.example');
  // The machine's own name, as a container has one; it may resolve to any of its addresses.
  const name = hostname();
  const { address } = await lookup(name).catch(() => ({ address: undefined }));
  if (address === undefined) {
    t.diagnostic(`not tried with ${name}: it does not resolve`);
    return;
  }
  const flags = ['--host', name, '--allow-unauthenticated'];
  assertForwarded(await ask(t, { flags, at: address, lines: [`Host: ${name.toUpperCase()}:PORT`] }));
  assertUnknown(await ask(t, { flags, at: address, lines: [`Host: ${name}.evil.example`] }));
});

test('HOST being the IPv6 loopback address', async (t) => {
  if (!hasAddress('::1')) {
    t.skip('skipped: this machine has no ::1');
    return;
  }
  for (const host of ['::1', '[::1]']) {
    const flags = ['--host', host];
    for (const name of ['[::1]', '[::1]:PORT', 'localhost:PORT', '127.0.0.1']) {
      assertForwarded(await ask(t, { flags, at: '::1', lines: [`Host: ${name}`] }));
    }
    assertUnknown(await ask(t, { flags, at: '::1', lines: ['Host: [::2]'] }), '[::2]');
    assertBad(await ask(t, { flags, at: '::1', lines: ['Host: ::1'] }));
  }
});

test('listening on all interfaces: the address connected to is a name, other addresses are none', async (t) => {
  assertForwarded(await ask(t, { flags: open, at: '127.0.0.2', lines: ['Host: 127.0.0.2:PORT'] }));
  assertUnknown(await ask(t, { flags: open, at: '127.0.0.1', lines: ['Host: 127.0.0.2:PORT'] }), '127.0.0.2');
  assertUnknown(await ask(t, { flags: open, at: '127.0.0.2', lines: ['Host: 0.0.0.0:PORT'] }), '0.0.0.0');
  assertUnknown(await ask(t, { flags: open, at: '127.0.0.2', lines: ['Host: evil.example'] }), 'evil.example');
});

test('listening on all interfaces, IPv6 too: the address connected to, of either kind', async (t) => {
  if (!hasAddress('::1')) {
    t.skip('skipped: this machine has no ::1');
    return;
  }
  const flags = ['--host', '::', '--allow-unauthenticated'];
  assertForwarded(await ask(t, { flags, at: '::1', lines: ['Host: [::1]:PORT'] }));
  assertForwarded(await ask(t, { flags, at: '127.0.0.2', lines: ['Host: 127.0.0.2:PORT'] }));
  assertUnknown(await ask(t, { flags, at: '127.0.0.2', lines: ['Host: [::ffff:127.0.0.2]:PORT'] }));
  assertUnknown(await ask(t, { flags, at: '::1', lines: ['Host: [::]:PORT'] }), '[::]');
});

test('a link-local address is a name without its zone, which clients do not send', async (t) => {
  const found = Object.entries(networkInterfaces())
    .flatMap(([card, addresses = []]) => addresses.map(({ address }) => ({ card, address })))
    .find(({ address }) => /^fe80:/i.test(address));
  if (found === undefined) {
    t.skip('skipped: this machine has no link-local address');
    return;
  }
  const at = `${found.address}%${found.card}`;
  for (const flags of [
    ['--host', at, '--allow-unauthenticated'],
    ['--host', '::', '--allow-unauthenticated'],
  ]) {
    assertForwarded(await ask(t, { flags, at, lines: [`Host: [${found.address}]:PORT`] }));
    assertUnknown(await ask(t, { flags, at, lines: ['Host: [fe80::bad]:PORT'] }), '[fe80::bad]');
  }
});

function hasAddress(address: string): boolean {
  return Object.values(networkInterfaces()).some((all) => all?.some((one) => one.address === address));
}
