// The proxies of deploy/kubernetes, started as their manifests say, with files as the kubelet lays them.
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import type { Deployment } from 'kubernetes-types/apps/v1.js';
import type { Probe } from 'kubernetes-types/core/v1.js';
import { startSimulator, type Simulator } from '../src/simulator/simulator.ts';
import { waysToChange, type ChangingFile } from './support/changing-file.ts';
import { emptyDirectory, startCli } from './support/cli.ts';
import { environmentOf, only, proxyOf } from './support/deployments.ts';
import { eventually } from './support/eventually.ts';
import { give, type Given } from './support/gateway.ts';
import { freePorts } from './support/ports.ts';
import { send } from './support/request.ts';

/** What a Secret's files hold, by their path under `/etc/maas-auth-proxy/`. */
type Secrets = Readonly<Record<string, string>>;

interface Pod {
  readonly url: string;
  readonly files: Readonly<Record<string, ChangingFile>>;
  /** Asks as the kubelet does. @returns the status */
  probe(probe: Probe | undefined): Promise<number>;
}

/** Starts the proxy of a deployment with its own environment; only ports, address and the root of the mounts are others. */
async function startPod(t: TestContext, deployment: Deployment, maas: Simulator, secrets: Secrets): Promise<Pod> {
  const root = emptyDirectory(t);
  const lay = waysToChange['swapped like a Kubernetes Secret'];
  assert.ok(lay);
  const files = Object.fromEntries(
    Object.entries(secrets).map(([path, content]) => {
      const [directory = '', name = ''] = path.split('/');
      mkdirSync(join(root, directory));
      return [path, lay(join(root, directory), name, content)];
    }),
  );
  const environment = Object.entries({ HOST: '0.0.0.0', ...environmentOf(deployment) });
  const moved = environment.map(([name, value]) => [name, value.replace('/etc/maas-auth-proxy', root)]);
  const [port = 0, adminPort = 0, nobody = 0] = await freePorts(3);
  const running = startCli(t, proxyOf(deployment).args ?? [], {
    ...(Object.fromEntries(moved) as Record<string, string>),
    MAAS_URL: maas.url,
    PORT: String(port),
    ADMIN_PORT: String(adminPort),
    // There is no Valkey here; a gateway goes by its own memory then.
    REDIS_URL: `redis://127.0.0.1:${nobody}`,
  });
  await running.printed(/listening on/);
  return {
    url: `http://127.0.0.1:${port}`,
    files,
    async probe(asked) {
      const { path = '', port: named } = asked?.httpGet ?? {};
      assert.equal(named, 'admin');
      return (await send(`http://127.0.0.1:${adminPort}${path}`)).status;
    },
  };
}

function clientsFile(...given: readonly Given[]): string {
  return JSON.stringify({ clients: given.map(({ client }) => client) });
}

test('the gateway of the manifests starts, is well for the kubelet, and sees a Secret change', async (t) => {
  const maas = await startSimulator({ machines: 1 });
  t.after(() => maas.close());
  const [alice, bob] = [give('alice'), give('bob')];
  const gateway = only<Deployment>('Deployment', 'gateway');
  const pod = await startPod(t, gateway, maas, {
    'maas/api-key': `${maas.adminKey}\n`,
    'clients/clients.json': clientsFile(alice, bob),
  });
  const { startupProbe, livenessProbe, readinessProbe } = proxyOf(gateway);
  for (const probe of [startupProbe, livenessProbe, readinessProbe]) assert.equal(await pod.probe(probe), 200);

  // By the name of the Service, as a pod of another namespace calls it.
  const ask = async ({ key }: Given): Promise<number> => {
    const headers = { Host: 'gateway.maas-auth-proxy.svc', Authorization: `Bearer ${key}` };
    return (await send(`${pod.url}/machines/`, { headers })).status;
  };
  assert.equal(await ask(alice), 200);
  assert.equal(await ask(bob), 200);
  pod.files['clients/clients.json']?.write(clientsFile(bob));
  await eventually(
    async () => (await ask(alice)) === 401,
    () => 'alice still gets in',
  );
  assert.equal(await ask(bob), 200);
});

test('the sidecar of the manifests starts, is well for the kubelet, and gives its service what it may read', async (t) => {
  const maas = await startSimulator({ machines: 1 });
  t.after(() => maas.close());
  const sidecar = only<Deployment>('Deployment', 'service-with-proxy');
  const pod = await startPod(t, sidecar, maas, { 'maas/api-key': maas.adminKey });
  const { startupProbe, livenessProbe } = proxyOf(sidecar);
  for (const probe of [startupProbe, livenessProbe]) assert.equal(await pod.probe(probe), 200);
  assert.equal((await send(`${pod.url}/machines/`)).status, 200);
  assert.equal((await send(`${pod.url}/zones/`, { method: 'POST', body: 'name=lab' })).status, 403);
});
