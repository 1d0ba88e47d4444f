// The proxies of deploy/kubernetes, started as their manifests say, with files as the kubelet lays them.
import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import type { TLSSocket } from 'node:tls';
import type { Deployment } from 'kubernetes-types/apps/v1.js';
import type { Probe } from 'kubernetes-types/core/v1.js';
import { startSimulator, type Simulator } from '../../src/simulator/simulator.ts';
import { makeAuthority, type Certificate } from '../support/certificates.ts';
import { emptyDirectory, startCli } from '../support/cli.ts';
import { environmentOf, only, podOf, proxyOf } from '../support/deployments.ts';
import { eventually } from '../support/eventually.ts';
import { give, type Given } from '../support/gateway.ts';
import { freePorts } from '../support/ports.ts';
import { send } from '../support/request.ts';
import { laySecret, type SecretFiles } from '../support/secret-volume.ts';

interface Pod {
  readonly port: number;
  /** Changes a Secret. */
  change(secret: string, files: SecretFiles): void;
  /** Asks as the kubelet does. @returns the status */
  probe(probe: Probe | undefined): Promise<number>;
}

/**
 * Starts the proxy of a deployment with its own environment; only ports, addresses and the root of the mounts are others.
 *
 * @param secrets those that the pod names
 */
async function startPod(
  t: TestContext,
  deployment: Deployment,
  maas: Simulator,
  secrets: Readonly<Record<string, SecretFiles>>,
): Promise<Pod> {
  const root = emptyDirectory(t);
  const { volumeMounts = [], args = [] } = proxyOf(deployment);
  const changes = new Map(
    (podOf(deployment).volumes ?? []).map(({ name, secret }) => {
      const secretName = secret?.secretName ?? '';
      const mount = volumeMounts.find((candidate) => candidate.name === name);
      const files = secrets[secretName];
      assert.ok(mount && files, `the Secret ${secretName} is mounted`);
      return [secretName, laySecret(join(root, mount.mountPath), files)];
    }),
  );
  const environment = Object.entries({ HOST: '0.0.0.0', ...environmentOf(deployment) }).map(([name, value]) => [
    name,
    name.endsWith('_FILE') ? join(root, value) : value,
  ]);
  const [port = 0, adminPort = 0, nobody = 0] = await freePorts(3);
  const running = startCli(t, args, {
    ...(Object.fromEntries(environment) as Record<string, string>),
    MAAS_URL: maas.url,
    PORT: String(port),
    ADMIN_PORT: String(adminPort),
    // There is no Valkey here; a gateway goes by its own memory then.
    REDIS_URL: `redis://127.0.0.1:${nobody}`,
  });
  await running.printed(/listening on/);
  return {
    port,
    change: (secret, files) => changes.get(secret)?.(files),
    async probe(asked) {
      const { path = '', port: named } = asked?.httpGet ?? {};
      assert.equal(named, 'admin');
      return (await send(`http://127.0.0.1:${adminPort}${path}`)).status;
    },
  };
}

test('the gateway of the manifests starts, is well for the kubelet, and sees each of its Secrets change', async (t) => {
  const maas = await startSimulator({ machines: 1 });
  t.after(() => maas.close());
  const authority = await makeAuthority(t);
  // By the name of the Service, as a pod of another namespace calls it.
  const name = 'gateway.maas-auth-proxy.svc';
  const [first, renewed] = [await authority.issue(`DNS:${name}`), await authority.issue(`DNS:${name}`)];
  const [alice, bob] = [give('alice'), give('bob')];
  const gateway = only<Deployment>('Deployment', 'gateway');
  const pod = await startPod(t, gateway, maas, {
    'maas-api-key': { 'api-key': `${maas.adminKey}\n` },
    'gateway-clients': clientsFile(alice, bob),
    'gateway-tls': tlsFiles(first),
  });
  const { startupProbe, livenessProbe, readinessProbe } = proxyOf(gateway);
  for (const probe of [startupProbe, livenessProbe, readinessProbe]) assert.equal(await pod.probe(probe), 200);

  const ask = (given: Given): Promise<Asked> => askByName(name, pod.port, authority.cert, given);
  assert.equal((await ask(alice)).status, 200);
  assert.equal((await ask(bob)).status, 200);
  pod.change('gateway-clients', clientsFile(bob));
  await eventually(
    async () => (await ask(alice)).status === 401,
    () => 'alice still gets in',
  );

  const { serial } = await ask(bob);
  pod.change('gateway-tls', tlsFiles(renewed));
  await eventually(
    async () => (await ask(bob)).serial !== serial,
    () => 'the certificate is the old one',
  );

  maas.clear();
  pod.change('maas-api-key', { 'api-key': maas.userKey });
  await eventually(
    async () => {
      assert.equal((await ask(bob)).status, 200);
      return maas.received.at(-1)?.user !== 'admin';
    },
    () => 'the old key still signs',
  );
});

test('the sidecar of the manifests starts, is well for the kubelet, and gives its service what it may read', async (t) => {
  const maas = await startSimulator({ machines: 1 });
  t.after(() => maas.close());
  const sidecar = only<Deployment>('Deployment', 'service-with-proxy');
  const pod = await startPod(t, sidecar, maas, { 'maas-api-key': { 'api-key': maas.adminKey } });
  const { startupProbe, livenessProbe } = proxyOf(sidecar);
  for (const probe of [startupProbe, livenessProbe]) assert.equal(await pod.probe(probe), 200);
  const url = `http://127.0.0.1:${pod.port}`;
  assert.equal((await send(`${url}/machines/`)).status, 200);
  assert.equal((await send(`${url}/zones/`, { method: 'POST', body: 'name=lab' })).status, 403);
});

function clientsFile(...given: readonly Given[]): SecretFiles {
  return { 'clients.json': JSON.stringify({ clients: given.map(({ client }) => client) }) };
}

/** As `kubectl create secret tls` and cert-manager call them. */
function tlsFiles({ cert, key }: Certificate): SecretFiles {
  return { 'tls.crt': cert, 'tls.key': key };
}

interface Asked {
  readonly status: number;
  /** That of the certificate which the gateway has shown. */
  readonly serial: string;
}

function askByName(servername: string, port: number, ca: string, { key }: Given): Promise<Asked> {
  const headers = { Host: servername, Authorization: `Bearer ${key}` };
  return new Promise((resolve, reject) => {
    const took = (answer: IncomingMessage): void => {
      const { serialNumber } = (answer.socket as TLSSocket).getPeerCertificate();
      answer.resume().on('end', () => resolve({ status: answer.statusCode ?? 0, serial: serialNumber }));
    };
    request({ host: '127.0.0.1', port, path: '/machines/', servername, ca, headers, agent: false }, took)
      .on('error', reject)
      .end();
  });
}
