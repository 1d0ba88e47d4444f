// The real programs with a gateway's key, each in the way that is natural to it: nothing but address and key is changed.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { startSimulator, type Simulator } from '../../src/simulator/simulator.ts';
import { emptyDirectory } from '../support/cli.ts';
import { examples, runExample } from '../support/examples.ts';
import { give, startGateway, type Given } from '../support/gateway.ts';
import { needProgram } from '../support/programs.ts';
import type { TestProxy } from '../support/proxy.ts';

const alice = give('alice');
const reader = give('reader', { policy: 'read-only' });

async function start(
  t: TestContext,
  given: Given,
  flags: readonly string[] = [],
): Promise<{ maas: Simulator; gateway: TestProxy }> {
  const maas = await startSimulator({ machines: 2 });
  t.after(() => maas.close());
  return { maas, gateway: await startGateway(t, maas.url, [given], { key: maas.adminKey, flags }) };
}

/** Who asked what, as MAAS has seen it: by the gateway's key, and for this client. */
function asked(maas: Simulator): string[] {
  return maas.received.map(({ method, target, status, user, rawHeaders }) => {
    const client = /client=([a-z]+)\)$/.exec(rawHeaders.find((value) => value.includes('(via maas-auth-proxy')) ?? '');
    return `${user} for ${client?.[1]}: ${method} ${target.replace('/MAAS/api/2.0', '')} ${status}`;
  });
}

for (const { title, documented, command } of examples) {
  const [method, path] = documented.replace('/MAAS/api/2.0', '').split(' ');

  test(`${title}, as MAAS's documentation has it, works with a gateway's key`, async (t) => {
    const line = await command(t);
    if (line === undefined) return;
    const { maas, gateway } = await start(t, alice);
    const { code, output } = await runExample(t, line, gateway.url, alice.key);
    assert.equal(code, 0, output);
    assert.match(output, /"name": ?"from-the-example"/);
    assert.deepEqual(asked(maas), [
      `admin for alice: ${method} ${path} 200`,
      'admin for alice: GET /users/?op=whoami 200',
      'admin for alice: POST /zones/ 200',
    ]);
  });

  test(`${title}: with a read-only key it reads, and its write is refused`, async (t) => {
    const line = await command(t);
    if (line === undefined) return;
    const { maas, gateway } = await start(t, reader);
    const { code, output } = await runExample(t, line, gateway.url, reader.key);
    assert.notEqual(code, 0, output);
    assert.match(output, /\b403\b/);
    assert.deepEqual(asked(maas), [
      `admin for reader: ${method} ${path} 200`,
      'admin for reader: GET /users/?op=whoami 200',
    ]);
  });

  test(`${title}: an unknown key is 401`, async (t) => {
    const line = await command(t);
    if (line === undefined) return;
    const { maas, gateway } = await start(t, alice);
    const { code, output } = await runExample(t, line, gateway.url, reader.key);
    assert.notEqual(code, 0, output);
    assert.match(output, /\b401\b/);
    assert.deepEqual(asked(maas), []);
  });
}

/** A program that does not sign: how it is told a key, and how it reads and writes. */
interface Plain {
  readonly title: string;
  readonly program: string;
  readonly debianPackage?: string;
  /** Listens on a unix socket instead. */
  readonly onSocket?: true;
  arguments(given: Given, url: string): { read: string[]; write: string[] };
}

const curl = ['--silent', '--show-error', '--fail-with-body'];
const http = ['--ignore-stdin', '--check-status', '--body'];
const plain: readonly Plain[] = [
  {
    title: 'curl -u NAME:KEY',
    program: 'curl',
    arguments: ({ client, key }, url) => ({
      read: [...curl, '-u', `${client.name}:${key}`, `${url}/users/?op=whoami`],
      write: [...curl, '-u', `${client.name}:${key}`, '-d', 'name=lab', `${url}/zones/`],
    }),
  },
  {
    title: 'curl -u KEY',
    program: 'curl',
    arguments: ({ key }, url) => ({
      read: [...curl, '-u', key, `${url}/users/?op=whoami`],
      write: [...curl, '-u', key, '-d', 'name=lab', `${url}/zones/`],
    }),
  },
  {
    title: 'curl -u NAME:KEY on a unix socket',
    program: 'curl',
    onSocket: true,
    arguments: ({ client, key }, url) => {
      const how = [...curl, '--unix-socket', url.replace(/^unix:/, ''), '-u', `${client.name}:${key}`];
      return {
        read: [...how, 'http://localhost/users/?op=whoami'],
        write: [...how, '-d', 'name=lab', 'http://localhost/zones/'],
      };
    },
  },
  {
    title: 'HTTPie -A bearer -a KEY',
    program: 'http',
    debianPackage: 'httpie',
    arguments: ({ key }, url) => ({
      read: [...http, '-A', 'bearer', '-a', key, `${url}/users/`, 'op==whoami'],
      write: [...http, '-A', 'bearer', '-a', key, '--form', 'POST', `${url}/zones/`, 'name=lab'],
    }),
  },
];

for (const { title, program, debianPackage, onSocket, ...plainly } of plain) {
  test(`${title} reads and writes with a standard key, and only reads with a read-only one`, async (t) => {
    const command = await needProgram(t, program, debianPackage === undefined ? {} : { debianPackage });
    if (command === undefined) return;
    for (const given of [alice, reader]) {
      const flags = onSocket === true ? ['--socket', join(emptyDirectory(t), 's')] : [];
      const { maas, gateway } = await start(t, given, flags);
      const { read, write } = plainly.arguments(given, gateway.url);
      const whoami = await run(t, command, read);
      assert.equal(whoami.code, 0, whoami.output);
      assert.match(whoami.output, /"username": "admin"/);
      const zone = await run(t, command, write);
      const { name } = given.client;
      const whoamiSeen = `admin for ${name}: GET /users/?op=whoami 200`;
      if (given === alice) {
        assert.equal(zone.code, 0, zone.output);
        assert.deepEqual(asked(maas), [whoamiSeen, 'admin for alice: POST /zones/ 200']);
      } else {
        assert.notEqual(zone.code, 0);
        assert.match(zone.output, /"code":\s*"policy-refused"/);
        assert.deepEqual(asked(maas), [whoamiSeen]);
      }
    }
  });
}

function run(t: TestContext, command: string, args: readonly string[]): Promise<{ code: number; output: string }> {
  const home = emptyDirectory(t);
  // HTTPie would look for a newer version of itself, in the background and on the internet.
  writeFileSync(join(home, 'config.json'), '{"disable_update_warnings": true}');
  const env = { ...process.env, HOME: home, HTTPIE_CONFIG_DIR: home, NO_PROXY: '127.0.0.1', no_proxy: '127.0.0.1' };
  return new Promise((resolve) => {
    execFile(command, args, { env, timeout: 60_000 }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : 1, output: stdout + stderr }),
    );
  });
}
