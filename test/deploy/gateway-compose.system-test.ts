// deploy/compose: the compose file as docker-compose reads it, and its HAProxy with three gateways behind it.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { join, resolve } from 'node:path';
import { test, type TestContext } from 'node:test';
import { settings, type Setting } from '../../src/config/settings.ts';
import { startSimulator } from '../../src/simulator/simulator.ts';
import { makeAuthority } from '../support/certificates.ts';
import { emptyDirectory, runCli, startCli } from '../support/cli.ts';
import { composeServices, secondsToStop, skipWithoutCompose as skip } from '../support/compose.ts';
import { eventually } from '../support/eventually.ts';
import { readYaml } from '../support/manifests.ts';
import { startNameServer } from '../support/name-server.ts';
import { oauth } from '../support/gateway.ts';
import { startHaproxy } from '../support/haproxy.ts';
import { freePorts } from '../support/ports.ts';
import { needProgram } from '../support/programs.ts';

const file = resolve('deploy/compose/gateway.yml');
const balancer = resolve('deploy/compose/haproxy.cfg');

test('there are several gateways, and only the balancer is reached from outside', { skip }, () => {
  const services = composeServices(file, 'keys');
  assert.ok((services['gateway']?.deploy?.replicas ?? 1) >= 2);
  for (const [name, { ports = [] }] of Object.entries(services)) {
    assert.equal(ports.length, name === 'balancer' ? 1 : 0, name);
  }
});

test('the gateways are set by settings that exist', { skip }, () => {
  const known = new Set(Object.values(settings).flatMap((setting: Setting<unknown>) => setting.env));
  const services = composeServices(file, 'keys');
  for (const name of ['gateway', 'keys']) {
    const { environment = {} } = services[name] ?? {};
    assert.ok(environment['CLIENTS_FILE'] !== undefined);
    for (const variable of Object.keys(environment)) assert.ok(known.has(variable), `${variable} is a setting`);
  }
});

test('every image is pinned by its version, our own to the version of package.json', { skip }, () => {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
  for (const [name, { image = '' }] of Object.entries(composeServices(file, 'keys'))) {
    assert.match(image, /^[\w./-]+:\d+\.\d+\.\d+(?:-[\w.-]+)?$/, name);
    if (image.startsWith('maas-auth-proxy:')) assert.equal(image, `maas-auth-proxy:${version}`);
  }
});

test('no service can write to its own files, has capabilities or gets new privileges', { skip }, () => {
  for (const [name, service] of Object.entries(composeServices(file, 'keys'))) {
    assert.equal(service.read_only, true, name);
    assert.deepEqual(service.cap_drop, ['ALL'], name);
    assert.deepEqual(service.security_opt, ['no-new-privileges:true'], name);
    assert.match(service.user ?? '', /^[1-9]\d*:[1-9]\d*$/, name);
  }
});

test(
  'the key of MAAS is mounted into the gateways alone; keys are mounted as directories, so that a renamed file is seen',
  { skip },
  () => {
    for (const [name, { volumes = [], environment = {} }] of Object.entries(composeServices(file, 'keys'))) {
      const targets = volumes.map(
        (volume) => (typeof volume === 'string' ? volume.split(':')[1] : volume.target) ?? '',
      );
      assert.equal(targets.includes('/etc/maas-auth-proxy/maas'), name === 'gateway', name);
      for (const [variable, value] of Object.entries(environment)) {
        if (!variable.endsWith('_FILE')) continue;
        assert.ok(
          targets.some((target) => value.startsWith(`${target}/`)),
          `${variable} of ${name}`,
        );
      }
    }
  },
);

test('the gateways find Valkey, and nobody else reaches it', { skip }, () => {
  const services = composeServices(file, 'keys');
  assert.equal(services['gateway']?.environment?.['REDIS_URL'], 'redis://valkey:6379');
  const near = Object.entries(services).filter(([, { networks = {} }]) => 'valkey' in networks);
  assert.deepEqual(near.map(([name]) => name).toSorted(), ['gateway', 'valkey']);
  assert.deepEqual(Object.keys(services['valkey']?.networks ?? {}), ['valkey']);
  const [whole] = readYaml(file) as { networks: Record<string, { internal?: boolean } | null> }[];
  assert.equal(whole?.networks['valkey']?.internal, true);
});

test(
  'a gateway gets longer to stop than its requests get to end, and the balancer longer than a gateway',
  { skip },
  () => {
    const { gateway = {}, balancer: haproxy = {} } = composeServices(file);
    assert.ok(secondsToStop(gateway) > settings.drainTimeout.default);
    assert.ok(secondsToStop(haproxy) > secondsToStop(gateway));
  },
);

test("the balancer's configuration is one that HAProxy takes without a warning", async (t) => {
  const haproxy = await needProgram(t, 'haproxy', { args: ['-v'] });
  if (haproxy === undefined) return;
  const { pem } = await makeCertificate(t);
  const env = { PATH: process.env['PATH'], CERTIFICATE: pem };
  // -dW: a warning is a failure.
  execFileSync(haproxy, ['-c', '-dW', '-f', balancer], { env, stdio: ['ignore', 'ignore', 'pipe'] });
});

test(
  'three gateways behind the balancer: one is killed under load and no read fails; a revoked key is refused by all',
  { timeout: 120_000 },
  async (t) => {
    const haproxy = await needProgram(t, 'haproxy', { args: ['-v'] });
    if (haproxy === undefined) return;
    const maas = await startSimulator({ machines: 3 });
    t.after(() => maas.close());
    const [listen = 0, port = 0, adminPort = 0] = await freePorts(3);
    const clientsFile = join(emptyDirectory(t), 'clients.json');
    const keys = async (...args: string[]): Promise<string> => {
      const { code, stdout, stderr } = await runCli(t, ['keys', ...args], { CLIENTS_FILE: clientsFile });
      assert.equal(code, 0, stderr);
      return stdout.trim();
    };
    const redis = await startMemory(t);
    if (redis === undefined) return;
    const alice = await keys('add', 'alice');
    const bob = await keys('add', 'bob');

    // Replicas have one port, and an address each.
    const addresses = ['127.0.0.2', '127.0.0.3', '127.0.0.4'];
    const gateways = addresses.map((address) =>
      startCli(t, [], {
        MAAS_URL: maas.url,
        MAAS_API_KEY: maas.adminKey,
        CLIENTS_FILE: clientsFile,
        HOST: address,
        PORT: String(port),
        ADMIN_HOST: address,
        ADMIN_PORT: String(adminPort),
        ALLOWED_HOSTS: '*',
        REDIS_URL: redis,
      }),
    );
    await Promise.all(gateways.map((gateway) => gateway.printed(/listening on/)));

    const { pem, ca } = await makeCertificate(t);
    const balancerEnv = {
      LISTEN: `127.0.0.1:${listen}`,
      CERTIFICATE: pem,
      RESOLVER: await startNameServer(t, 'gateway', () => addresses),
      GATEWAY_PORT: String(port),
      ADMIN_PORT: String(adminPort),
    };
    const ask = (key: string): Promise<Answer> => askOnce(listen, ca, `Bearer ${key}`);
    await startHaproxy(t, haproxy, balancer, balancerEnv, async () => (await ask(alice)).status === 200);
    await eventually(
      async () =>
        (await ask(alice)).status === 200 && gateways.every((gateway) => /"?client"?.*alice/.test(gateway.output())),
      () => `not all of them answer:\n${gateways.map((gateway) => gateway.output()).join('\n---\n')}`,
    );

    // Used once at one gateway, a signature is used at all of them.
    const signature = oauth(alice);
    const uses = await Promise.all(Array.from({ length: 6 }, () => askOnce(listen, ca, signature)));
    assert.deepEqual(
      uses.map(({ status }) => status).toSorted((one, other) => one - other),
      [200, 401, 401, 401, 401, 401],
    );

    const over = new AbortController();
    const failures: string[] = [];
    let answered = 0;
    const load = Array.from({ length: 8 }, async (_, index) => {
      while (!over.signal.aborted) {
        const { status, body } = await ask(index % 2 === 0 ? alice : bob);
        answered += 1;
        if (status !== 200) failures.push(`${status} ${body}`);
      }
    });
    const reached = (count: number): Promise<void> =>
      eventually(
        () => answered >= count,
        () => `${answered} answers`,
      );
    await reached(100);
    gateways[1]?.child.kill('SIGKILL');
    await gateways[1]?.ended;
    const atKill = answered;
    await reached(atKill + 300);
    over.abort();
    await Promise.all(load);
    t.diagnostic(`${answered} reads, ${answered - atKill} of them after the kill`);
    assert.deepEqual(failures, []);

    await keys('revoke', 'alice');
    const revoked = performance.now();
    // All of the last ten, so that neither of the two lets it in.
    let refusals = 0;
    await eventually(
      async () => {
        refusals = (await ask(alice)).status === 401 ? refusals + 1 : 0;
        return refusals === 10;
      },
      () => 'alice still gets in',
    );
    t.diagnostic(`refused by all ${Math.round(performance.now() - revoked)} ms after the command had ended`);
    assert.equal((await ask(bob)).status, 200);

    // No gateway is ready now; one that lives says why.
    await maas.close();
    await eventually(
      async () => (await ask(bob)).body.includes('"code":"maas-refused"'),
      () => 'the balancer does not let a gateway say what is wrong',
    );
  },
);

async function makeCertificate(t: TestContext): Promise<{ readonly pem: string; readonly ca: string }> {
  const authority = await makeAuthority(t);
  const { cert, key } = await authority.issue('IP:127.0.0.1');
  const pem = join(emptyDirectory(t), 'gateway.pem');
  writeFileSync(pem, `${cert}${key}`, { mode: 0o600 });
  return { pem, ca: authority.cert };
}

/** Debian's Redis, with the arguments that the compose file has for Valkey. @returns its address */
async function startMemory(t: TestContext): Promise<string | undefined> {
  const program = await needProgram(t, 'redis-server');
  if (program === undefined) return undefined;
  const [whole] = readYaml(file) as { services: { valkey: { command: string[] } } }[];
  const [name, ...args] = whole?.services.valkey.command ?? [];
  assert.equal(name, 'valkey-server');
  const [port = 0] = await freePorts(1);
  const child = spawn(program, [...args, '--port', String(port), '--bind', '127.0.0.1'], { cwd: emptyDirectory(t) });
  t.after(async () => {
    child.kill('SIGKILL');
    await once(child, 'exit');
  });
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
  await eventually(
    () => said.includes('Ready to accept connections'),
    () => said,
  );
  return `redis://127.0.0.1:${port}`;
}

interface Answer {
  /** 0 where no whole answer came. */
  readonly status: number;
  readonly body: string;
}

function askOnce(port: number, ca: string, authorization: string): Promise<Answer> {
  return new Promise((done) => {
    const fail = (error: Error): void => done({ status: 0, body: error.message });
    const headers = { Authorization: authorization };
    const sent = request(
      { host: '127.0.0.1', port, ca, agent: false, path: '/users/?op=whoami', headers },
      (answer) => {
        let body = '';
        answer.setEncoding('utf8').on('data', (text: string) => (body += text));
        answer.on('error', fail);
        answer.on('end', () => done({ status: answer.statusCode ?? 0, body }));
      },
    );
    sent.on('error', fail);
    sent.end();
  });
}
