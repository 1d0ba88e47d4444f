// The examples in MAAS's documentation as commands, with the programs that they need.
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import type { TestContext } from 'node:test';
import { emptyDirectory } from './cli.ts';
import { needProgram } from './programs.ts';

/** One example. */
export interface Example {
  readonly title: string;
  /** The first request of the example, before `whoami` and the new zone. */
  readonly documented: string;
  /** The command line, or `undefined` if a program is missing. */
  command(t: TestContext): Promise<readonly string[] | undefined>;
}

/** All examples: each sends the documented request, then `whoami`, and then creates a zone. */
export const examples: readonly Example[] = [
  {
    title: 'Python with requests_oauthlib',
    documented: 'GET /MAAS/api/2.0/machines/?op=list_allocated',
    async command(t) {
      const python = await needProgram(t, 'requests_oauthlib', {
        // The system's own Python first: the Debian package installs the module for it.
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

function script(name: string): string {
  return path.resolve('test/documentation-examples', name);
}

/**
 * Runs an example.
 *
 * @param url the address of MAAS, or of a server in its place
 * @param apiKey the key to sign with; empty for none
 */
export function runExample(
  t: TestContext,
  [command = '', ...args]: readonly string[],
  url: string,
  apiKey: string,
): Promise<{ code: number | null; output: string }> {
  const home = emptyDirectory(t);
  // HTTPie would check the internet for a newer version, in the background.
  writeFileSync(path.join(home, 'config.json'), '{"disable_update_warnings": true}');
  const child = spawn(command, args, {
    cwd: home,
    env: {
      ...process.env,
      // Without a developer's own configuration.
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
