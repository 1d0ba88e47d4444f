// The examples of MAAS's documentation with the real programs: as they stand there, through the proxy.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import { startSimulator, type Simulator } from '../src/simulator/simulator.ts';
import { emptyDirectory } from './support/cli.ts';
import { needProgram } from './support/programs.ts';
import { startTestProxy } from './support/proxy.ts';

/** A key in form only, for programs that insist on one. */
const dummyKey = 'a:b:c';

interface Example {
  readonly title: string;
  /** What the example asks first, before `whoami` and the new zone. */
  readonly documented: string;
  /** The command line, or `undefined` where a program is missing. */
  command(t: TestContext): Promise<readonly string[] | undefined>;
}

const examples: readonly Example[] = [
  {
    title: 'Python with requests_oauthlib',
    documented: 'GET /MAAS/api/2.0/machines/?op=list_allocated',
    async command(t) {
      const python = await needProgram(t, 'requests_oauthlib', {
        // The system's own comes first: that is the one which the Debian package serves.
        commands: ['/usr/bin/python3', 'python3'],
        args: ['-c', 'import requests_oauthlib'],
        debianPackage: 'python3-requests-oauthlib',
      });
      return python === undefined ? undefined : [python, script('python.py')];
    },
  },
  {
    title: 'Ruby with the oauth gem',
    documented: 'GET /MAAS/api/2.0/nodes/',
    async command(t) {
      const ruby = await needProgram(t, 'oauth gem', {
        commands: ['/usr/bin/ruby', 'ruby'],
        args: ['-e', 'require "oauth"'],
        debianPackage: 'ruby-oauth',
      });
      return ruby === undefined ? undefined : [ruby, script('ruby.rb')];
    },
  },
  {
    title: 'cURL',
    documented: 'GET /MAAS/api/2.0/users/',
    async command(t) {
      const bash = await needProgram(t, 'bash');
      if (bash === undefined || (await needProgram(t, 'curl')) === undefined) return undefined;
      return [bash, script('curl.sh')];
    },
  },
  {
    title: 'HTTPie with fish',
    documented: 'GET /MAAS/api/2.0/users/',
    async command(t) {
      const fish = await needProgram(t, 'fish');
      if (fish === undefined || (await needProgram(t, 'httpie', { commands: ['http'] })) === undefined)
        return undefined;
      return [fish, '--no-config', script('httpie.fish')];
    },
  },
];

for (const { title, documented, command } of examples) {
  for (const [how, apiKey] of [
    [`with the dummy key ${dummyKey}`, dummyKey],
    ['with no signature at all', ''],
  ] as const) {
    test(`${title}, ${how}: the proxy signs`, async (t) => {
      const line = await command(t);
      if (line === undefined) return;
      const maas = await startMaas(t);
      const proxy = await startTestProxy(t, maas.url, { key: maas.adminKey });
      const { code, output } = await runExample(t, line, proxy.url, apiKey);
      assert.equal(code, 0, output);
      assert.match(output, /"username": ?"admin",\s+"email": ?"admin@/);
      assert.match(output, /"name": ?"from-the-example"/);
      assertAsked(maas, documented);
      for (const { rawHeaders, target, body, user } of maas.received) {
        assert.equal(user, 'admin');
        const [consumer, token, secret] = maas.adminKey.split(':');
        const signatures = rawHeaders.filter((_, at) => rawHeaders[at - 1]?.toLowerCase() === 'authorization');
        assert.equal(signatures.length, 1);
        const names = `oauth_consumer_key="${consumer}", oauth_token="${token}", oauth_signature="%26${secret}"`;
        assert.ok(signatures[0]?.includes(names), signatures[0]);
        // Of the dummy nothing is left, in no other place either.
        assert.equal(signatures[0]?.match(/oauth_(?:consumer_key|token|signature)=/g)?.length, 3);
        const rest = [...rawHeaders.filter((text) => text !== signatures[0]), target, body.toString('latin1')];
        assert.ok(!rest.some((text) => text.includes('oauth_')), rest.join('\n'));
      }
    });
  }

  test(`${title}, without the proxy: MAAS refuses the dummy key with 401, and takes a real one`, async (t) => {
    const line = await command(t);
    if (line === undefined) return;
    const maas = await startMaas(t);
    const refused = await runExample(t, line, maas.url, dummyKey);
    assert.notEqual(refused.code, 0, refused.output);
    assert.match(refused.output, /\b401\b/);
    assert.deepEqual(
      maas.received.map(({ status, user }) => ({ status, user })),
      [{ status: 401, user: null }],
    );
    maas.clear();
    const taken = await runExample(t, line, maas.url, maas.adminKey);
    assert.equal(taken.code, 0, taken.output);
    assertAsked(maas, documented);
  });
}

/** All of the example has run, and the write has left its zone. */
function assertAsked(maas: Simulator, documented: string): void {
  assert.deepEqual(
    maas.received.map(({ method, target, status }) => `${method} ${target} ${status}`),
    [`${documented} 200`, 'GET /MAAS/api/2.0/users/?op=whoami 200', 'POST /MAAS/api/2.0/zones/ 200'],
  );
  assert.equal(maas.received[2]?.body.toString(), 'name=from-the-example');
}

function script(name: string): string {
  return path.resolve('test/documentation-examples', name);
}

async function startMaas(t: TestContext): Promise<Simulator> {
  const maas = await startSimulator({ machines: 2 });
  t.after(() => maas.close());
  return maas;
}

function runExample(
  t: TestContext,
  [command = '', ...args]: readonly string[],
  url: string,
  apiKey: string,
): Promise<{ code: number | null; output: string }> {
  const home = emptyDirectory(t);
  // HTTPie would look for a newer version of itself, in the background and on the internet.
  writeFileSync(path.join(home, 'config.json'), '{"disable_update_warnings": true}');
  const child = spawn(command, args, {
    cwd: home,
    env: {
      ...process.env,
      // What people have set up for themselves stays out of it.
      XDG_CONFIG_HOME: home,
      XDG_DATA_HOME: home,
      HTTPIE_CONFIG_DIR: home,
      NO_PROXY: '127.0.0.1',
      no_proxy: '127.0.0.1',
      MAAS_HOST: `${url}/MAAS`,
      API_KEY: apiKey,
      ZONE: 'from-the-example',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 60_000,
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  return new Promise((resolve, reject) => {
    child.on('error', reject).on('close', (code) => resolve({ code, output }));
  });
}
