// A process that may open no more files and connections for a while.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, renameSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { emptyDirectory, startCli, type Running } from '../support/cli.ts';
import { eventually } from '../support/eventually.ts';
import { give, writeClients } from '../support/gateway.ts';
import { startOrigin } from '../support/origin.ts';
import { needProgram } from '../support/programs.ts';
import { canaryKey } from '../support/proxy.ts';
import { until } from '../support/until.ts';

/** The status of a read, and the problem's code where there is one. */
function read(url: string, key: string, agent: Agent): Promise<string> {
  return new Promise((resolve, reject) => {
    const sent = request(`${url}/users/`, { agent, headers: { Authorization: `Bearer ${key}` } }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.on('end', () => {
        const code = /"code":"([a-z-]+)"/.exec(text)?.[1];
        resolve(`${response.statusCode}${code === undefined ? '' : ` ${code}`}`);
      });
    });
    sent.on('error', reject);
    sent.end();
  });
}

/** A connection of its own that stays open between its requests. */
function oneConnection(t: TestContext): Agent {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  t.after(() => agent.destroy());
  return agent;
}

function descriptors({ child }: Running): number {
  return readdirSync(`/proc/${child.pid}/fd`).length;
}

/** Takes all descriptors that a process may still have by connections, and sees to it that it gets no other. */
async function useUp(t: TestContext, prlimit: string, running: Running, url: string): Promise<Socket[]> {
  const limit = (soft: number): Buffer =>
    execFileSync(prlimit, ['--pid', String(running.child.pid), `--nofile=${soft}:4096`]);
  limit(descriptors(running) + 10);
  const sockets = Array.from({ length: 40 }, () => connect(Number(new URL(url).port), '127.0.0.1'));
  for (const socket of sockets) socket.on('error', () => undefined);
  t.after(() => sockets.map((socket) => socket.destroy()));
  const closed = sockets.map((socket) => once(socket, 'close'));
  // Those beyond the limit are closed, and nobody ends of it.
  await Promise.race(closed);
  limit(8);
  return sockets;
}

test(
  'a key that is revoked while no file can be opened ends as soon as one can, and nothing else is left',
  { timeout: 60_000 },
  async (t) => {
    const prlimit = await needProgram(t, 'prlimit', { debianPackage: 'util-linux' });
    if (prlimit === undefined) return;
    const directory = emptyDirectory(t);
    const [ann, bob] = [give('ann'), give('bob')];
    const file = writeClients(t, [ann, bob], join(directory, 'clients.json'));
    const origin = await startOrigin(t, (_request, response) => response.setHeader('Connection', 'close').end('ok'));
    const env = { MAAS_URL: origin.url, MAAS_API_KEY: canaryKey, PORT: '0', ADMIN_PORT: '0', CLIENTS_FILE: file };
    const audit = join(directory, 'audit.jsonl');
    const running = startCli(t, ['--audit-file', audit], env, directory);
    const [, url = '', adminUrl = ''] = await running.printed(/"url":"([^"]+)","adminUrl":"([^"]+)"/);
    const [toAnn, toBob, toAdmin] = [oneConnection(t), oneConnection(t), oneConnection(t)];
    const metric = (name: string): Promise<string | undefined> =>
      new Promise((resolve, reject) => {
        request(`${adminUrl}/metrics`, { agent: toAdmin }, (response) => {
          let text = '';
          response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
          response.on('end', () => resolve(text.split('\n').find((line) => line.startsWith(`${name} `))));
        })
          .on('error', reject)
          .end();
      });
    const inForce = 'maas_auth_proxy_config_last_reload_successful{file="clients"}';
    assert.equal(await read(url, ann.key, toAnn), '200');
    assert.equal(await read(url, bob.key, toBob), '200');
    assert.equal(await metric(inForce), `${inForce} 1`);

    const sockets = await useUp(t, prlimit, running, url);
    writeClients(t, [ann], file);
    await running.printed(
      /The clients file \S+ cannot be read while so many files and connections are open \([^)]+\); what was read before stays in force until it can be read\./,
    );
    assert.equal(await metric(inForce), `${inForce} 0`);
    // Requests are answered at once and in a sentence, and so is the wish for a new audit file.
    assert.equal(await read(url, ann.key, toAnn), '503 no-descriptor-left');
    renameSync(audit, `${audit}.1`);
    running.child.kill('SIGHUP');
    await running.printed(/The audit file \S+ cannot be opened anew while so many files and connections are open/);

    for (const socket of sockets) socket.destroy();
    execFileSync(prlimit, ['--pid', String(running.child.pid), '--nofile=1024:4096']);
    await running.printed(/read the clients file \S+ again: 1 key/);
    await running.printed(/opened the audit file \S+ anew/);
    assert.equal(await read(url, bob.key, toBob), '401 client-unknown');
    assert.equal(await read(url, ann.key, toAnn), '200');
    assert.equal(await read(url, ann.key, oneConnection(t)), '200');
    assert.equal(await metric(inForce), `${inForce} 1`);
    await eventually(
      () => /"status":401/.test(readFileSync(audit, 'utf8')),
      () => 'the new audit file has no record of the refusal',
    );
    running.child.kill('SIGTERM');
    const { code, stderr } = await running.ended;
    assert.equal(code, 0);
    assert.equal(stderr, '');
  },
);

test(
  'of several regions none is taken for down because the proxy itself can open no connection',
  { timeout: 60_000 },
  async (t) => {
    const prlimit = await needProgram(t, 'prlimit', { debianPackage: 'util-linux' });
    if (prlimit === undefined) return;
    const closing = await startOrigin(t, (_request, response) => response.setHeader('Connection', 'close').end('ok'));
    const other = await startOrigin(t, (_request, response) => response.setHeader('Connection', 'close').end('ok'));
    const client = give('ann');
    const env = {
      MAAS_URL: `${closing.url},${other.url}`,
      MAAS_API_KEY: canaryKey,
      PORT: '0',
      ADMIN_PORT: 'off',
      CLIENTS_FILE: writeClients(t, [client]),
    };
    const running = startCli(t, [], env);
    const [, url = ''] = await running.printed(/listening on (http:\/\/127\.0\.0\.1:\d+)/);
    const agent = oneConnection(t);
    assert.equal(await read(url, client.key, agent), '200');
    // The start has asked both, on connections that are over.
    await until(() => closing.received.length > 0 && other.received.length > 0, 'both regions asked');
    await useUp(t, prlimit, running, url);
    assert.equal(await read(url, client.key, agent), '503 no-descriptor-left');
    execFileSync(prlimit, ['--pid', String(running.child.pid), '--nofile=1024:4096']);
    assert.equal(await read(url, client.key, agent), '200');
    assert.ok(!/The region \S+ does not answer/.test(running.output()), running.output());
  },
);
