import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { startSimulator } from '../../src/simulator/simulator.ts';
import { emptyDirectory, runCli, startCli } from '../support/cli.ts';
import { startOrigin } from '../support/origin.ts';
import { canaryKey } from '../support/proxy.ts';
import { send } from '../support/request.ts';
import { until } from '../support/until.ts';

const cli = fileURLToPath(new URL('../../src/cli.js', import.meta.url));
const program = `'${process.execPath}' '${cli}'`;

test('a proxy ends with the terminal that it was started in, and does not hold its port unseen', async (t) => {
  const maas = await startSimulator();
  t.after(() => maas.close());
  const command = `echo "pid=$$"; exec ${program} --port 0 --admin-port off`;
  const env = { PATH: process.env['PATH'] ?? '', MAAS_URL: maas.url, MAAS_API_KEY: maas.adminKey };
  const options = { cwd: emptyDirectory(t), env, stdio: ['ignore', 'pipe', 'ignore'] as ['ignore', 'pipe', 'ignore'] };
  const terminal = spawn('script', ['-qfc', command, '/dev/null'], options);
  let output = '';
  terminal.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  t.after(() => terminal.kill('SIGKILL'));
  await until(() => output.includes('/machines/'), 'the greeting');
  const pid = Number(/pid=(\d+)/.exec(output)?.[1]);
  t.after(() => isAlive(pid) && process.kill(pid, 'SIGKILL'));
  process.kill(pid, 'SIGHUP');
  await until(() => output.includes('SIGHUP: reloading the files'), 'the files are read again');
  assert.ok(isAlive(pid), output);
  terminal.kill('SIGKILL');
  await until(() => !isAlive(pid), 'the proxy ends');
});

test('--help fits a terminal of 80 columns; for a pipe no line is broken', (t) => {
  for (const command of ['', 'keys ', 'demo ']) {
    const inTerminal = ['-qfec', `stty cols 80; ${program} ${command}--help`, '/dev/null'];
    const seen = execFileSync('script', inTerminal, { cwd: emptyDirectory(t), encoding: 'utf8' });
    const long = seen.split(/\r?\n/).filter((line) => line.length > 80);
    assert.deepEqual(long, []);
    const piped = execFileSync(process.execPath, [cli, ...command.split(' ').filter(Boolean), '--help'], {
      encoding: 'utf8',
    });
    assert.equal(seen.split(/\s+/).join(' ').trim(), piped.split(/\s+/).join(' ').trim());
    assert.ok(piped.split('\n').some((line) => line.length > 80));
  }
});

test('whose output nobody reads any more goes on, and --help that is read in part is no failure', async (t) => {
  const inPart = startCli(t, ['--help']);
  inPart.child.stdout.destroy();
  const help = await inPart.ended;
  assert.deepEqual({ code: help.code, stderr: help.stderr }, { code: 0, stderr: '' });
  const maas = await startSimulator();
  t.after(() => maas.close());
  const env = { MAAS_URL: maas.url, MAAS_API_KEY: maas.adminKey, LOG_FORMAT: 'pretty' };
  const running = startCli(t, ['--port', '0', '--admin-port', 'off'], env);
  running.child.stdout.destroy();
  // It greets before it looks at MAAS, and by then it knows what a signal means.
  await until(() => maas.received.length > 0, 'the proxy looks at MAAS');
  running.child.kill('SIGTERM');
  const { code, stderr } = await running.ended;
  assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
});

/** A value of JSON that means ill. */
function evil(name: string): string {
  return `${name}\\u001b]0;owned\\u0007\\u009b31m\\u202e\\nnext`;
}

/** What a terminal would obey, but for the colours that the program itself has no reason to write here. */
const commands = /(?!\n)[\p{Cc}\p{Cf}]/u;

test(
  'nothing that MAAS or a client has sent commands the terminal: at the start, in the log for people, in check',
  { timeout: 60_000 },
  async (t) => {
    const origin = await startOrigin(t, ({ url }, response) => {
      if (url?.endsWith('/version/') === true) response.end(`{"version": "${evil('3.7')}"}`);
      else if (url?.endsWith('whoami') === true) response.end(`{"username": "${evil('ann')}"}`);
      else response.socket?.end('HTTP/1.1 200 OK\r\nBad\u009b31m\u001b[31m Field: x\r\n\r\n');
    });
    const env = { MAAS_URL: origin.url, MAAS_API_KEY: canaryKey, LOG_FORMAT: 'pretty' };
    const running = startCli(t, ['--port', '0', '--admin-port', 'off'], env);
    const [, url = ''] = await running.printed(/Address +(\S+)/);
    await running.printed(/version 3\.7 .*owned/);
    await running.printed(/ann .*owned.* next, user/);
    assert.equal((await send(`${url}/machines/`)).status, 502);
    await running.printed(/502 GET \/machines\/ .*maas-broken-answer/);
    assert.doesNotMatch(running.output(), commands);
    const checked = await runCli(t, ['check'], env);
    assert.match(checked.stdout, /owned/);
    assert.doesNotMatch(checked.stdout, commands);
  },
);

test('a clients file that means ill commands no terminal where its mistakes are told', async (t) => {
  const directory = emptyDirectory(t);
  const file = join(directory, 'clients.json');
  const added = await runCli(t, ['keys', 'add', 'ann', '--clients-file', file], {}, directory);
  assert.equal(added.code, 0, added.stderr);
  const text = readFileSync(file, 'utf8');
  writeFileSync(file, text.replace('"standard"', '"a\\u001b[31m\\u009b31mb"'));
  const { stdout, stderr } = await runCli(t, ['keys', 'list', '--clients-file', file], {}, directory);
  assert.match(stdout + stderr, /a\\u001b\[31m\\u009b31mb/);
  assert.doesNotMatch(stdout + stderr, commands);
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
