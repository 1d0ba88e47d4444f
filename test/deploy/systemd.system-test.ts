// deploy/systemd: the unit as systemd's own tools read it; no systemd runs where the tests do.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { settings, type Setting } from '../../src/config/settings.ts';
import { emptyDirectory } from '../support/cli.ts';
import { needProgram } from '../support/programs.ts';

const unit = readFileSync('deploy/systemd/maas-auth-proxy.service', 'utf8');

/** The values of a directive. */
function valuesOf(directive: string): string[] {
  return [...unit.matchAll(new RegExp(`^${directive}=(.*)$`, 'gm'))].map(([, value = '']) => value);
}

async function analyze(t: TestContext, ...args: readonly string[]): Promise<string | undefined> {
  const command = await needProgram(t, 'systemd-analyze', { debianPackage: 'systemd' });
  if (command === undefined) return undefined;
  const file = join(emptyDirectory(t), 'maas-auth-proxy.service');
  // What is not installed here is stood for by a program that is.
  writeFileSync(file, unit.replace('ExecStart=maas-auth-proxy', `ExecStart=${process.execPath}`));
  const { status, stdout, stderr } = spawnSync(command, [...args, file], { encoding: 'utf8' });
  assert.equal(status, 0, stdout + stderr);
  assert.equal(stderr, '');
  return stdout;
}

test('systemd takes the unit without a word', async (t) => {
  await analyze(t, 'verify');
});

test('systemd finds the service little exposed: 1.5 of 10 at the most', async (t) => {
  await analyze(t, 'security', '--offline=yes', '--threshold=15');
});

test('the service gets longer to stop than its requests get to end, and wrong settings do not start again and again', () => {
  assert.ok(Number(valuesOf('TimeoutStopSec')[0]) > settings.drainTimeout.default);
  assert.deepEqual(valuesOf('RestartPreventExitStatus'), ['2']);
});

test('the settings in the guide are settings that there are, and its files are where the unit lets the service read and write', () => {
  const known = new Set(Object.values(settings).flatMap((setting: Setting<unknown>) => setting.env));
  const guide = readFileSync('docs/systemd.md', 'utf8');
  const named = [...guide.matchAll(/\b([A-Z][A-Z_]+)=([/\w.:-]+)/g)];
  assert.ok(named.length >= 4);
  for (const [, name = '', value = ''] of named) {
    assert.ok(known.has(name), `${name} is a setting`);
    if (name.endsWith('_FILE')) assert.match(value, /^\/(?:etc|var\/lib|var\/log)\/maas-auth-proxy\/[\w.]+$/);
  }
  assert.deepEqual(valuesOf('EnvironmentFile'), ['/etc/maas-auth-proxy/settings']);
  assert.deepEqual(valuesOf('StateDirectory'), ['maas-auth-proxy']);
  assert.deepEqual(valuesOf('LogsDirectory'), ['maas-auth-proxy']);
});
