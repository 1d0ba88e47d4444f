// The manifests of deploy/kubernetes, as data; there is no cluster here to apply them to.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import type { Deployment } from 'kubernetes-types/apps/v1.js';
import type { HorizontalPodAutoscaler } from 'kubernetes-types/autoscaling/v2.js';
import type { Service } from 'kubernetes-types/core/v1.js';
import type { NetworkPolicy } from 'kubernetes-types/networking/v1.js';
import type { PodDisruptionBudget } from 'kubernetes-types/policy/v1.js';
import { settings, type Setting } from '../../src/config/settings.ts';
import {
  containersOf,
  directories,
  environmentOf,
  isProxy,
  kustomizationOf,
  manifestsOf,
  only,
  podOf,
  proxyOf,
} from '../support/deployments.ts';
import { schemaMistakes, type Manifest } from '../support/manifests.ts';

const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
const all = directories.flatMap(manifestsOf);
const deployments = all.filter(({ kind }) => kind === 'Deployment') as Deployment[];
const gateway = only<Deployment>('Deployment', 'gateway');
const sidecar = only<Deployment>('Deployment', 'service-with-proxy');
const proxies = [gateway, sidecar];

test('the manifests are what the API of Kubernetes takes: no field unknown, missing or of a wrong type', () => {
  assert.equal(schemaMistakes(all), '');
});

test('the kustomizations name every file, and no other', () => {
  for (const directory of directories) {
    const { resources, configMapGenerator = [] } = kustomizationOf(directory);
    const named = ['kustomization.yaml', ...resources, ...configMapGenerator.flatMap(({ envs }) => envs)];
    const found = readdirSync(directory, { withFileTypes: true }).filter((entry) => entry.isFile());
    assert.deepEqual(found.map(({ name }) => name).toSorted(), named.toSorted(), directory);
  }
});

test('kubectl makes of the kustomizations what they say', (t) => {
  // In CI too it may be missing: Debian's is from before the things that are used here.
  if (spawnSync('kubectl', ['version', '--client']).status !== 0) return t.skip('skipped: no kubectl');
  for (const directory of directories) {
    const built = execFileSync('kubectl', ['kustomize', directory], { encoding: 'utf8' });
    for (const { kind, metadata } of manifestsOf(directory)) {
      assert.match(built, new RegExp(`^kind: ${kind}\nmetadata:\n(?:  .*\n)*?  name: ${metadata.name}$`, 'm'));
    }
    assert.ok(built.includes(`image: registry.example/maas-auth-proxy:${version}\n`), directory);
  }
});

test('the proxies are set by settings that exist, to values that they can have', () => {
  for (const deployment of proxies) {
    for (const [variable, value] of Object.entries(environmentOf(deployment))) {
      const setting = Object.values(settings as Record<string, Setting<unknown>>).find(({ env }) =>
        env.includes(variable),
      );
      assert.ok(setting, `${variable} is a setting`);
      assert.doesNotThrow(() => setting.read(value), `${variable}=${value}`);
    }
  }
});

test('every image is pinned by its version, our own to the version of package.json', () => {
  for (const { name = '', image = '' } of deployments.flatMap((deployment) => containersOf(podOf(deployment)))) {
    assert.match(image, /^[\w./-]+:\d+(?:\.\d+)*(?:-[\w.-]+)?$/, name);
    if (image.startsWith('maas-auth-proxy:')) assert.equal(image, `maas-auth-proxy:${version}`);
  }
  for (const directory of directories) {
    const [{ name, newTag } = { name: '', newTag: '' }] = kustomizationOf(directory).images;
    assert.deepEqual({ name, newTag }, { name: 'maas-auth-proxy', newTag: version });
  }
});

test('the ports are those that the proxy listens on, and each is called by its name', () => {
  const { ports = [] } = proxyOf(gateway);
  assert.deepEqual(Object.fromEntries(ports.map((port) => [port.name, port.containerPort])), {
    gateway: settings.port.default,
    admin: settings.adminPort.default,
  });
  const { ports: offered = [] } = only<Service>('Service', 'gateway').spec ?? {};
  assert.deepEqual(
    offered.map(({ targetPort }) => targetPort),
    ['gateway'],
  );
  const { ingress = [] } = only<NetworkPolicy>('NetworkPolicy', 'gateway').spec ?? {};
  assert.deepEqual(
    ingress.flatMap((rule) => rule.ports?.map(({ port }) => port)),
    ['gateway', 'admin'],
  );
  const { annotations } = gateway.spec?.template.metadata ?? {};
  assert.equal(annotations?.['prometheus.io/port'], String(settings.adminPort.default));
});

test('the kubelet asks the admin port: whether the process lives, and whether it should get requests', () => {
  for (const deployment of proxies) {
    const { livenessProbe, startupProbe } = proxyOf(deployment);
    assert.deepEqual(livenessProbe?.httpGet, { path: '/livez', port: 'admin' });
    assert.deepEqual(startupProbe?.httpGet, { path: '/livez', port: 'admin' });
    // It comes to the pod's address, so loopback would not do.
    assert.equal(environmentOf(deployment)['ADMIN_HOST'], '0.0.0.0');
  }
  assert.deepEqual(proxyOf(gateway).readinessProbe?.httpGet, { path: '/readyz', port: 'admin' });
});

test('the gateways find Valkey, and nobody else reaches it', () => {
  const valkey = only<Deployment>('Deployment', 'valkey');
  const labels = valkey.spec?.template.metadata?.labels;
  const service = only<Service>('Service', 'valkey').spec;
  const { hostname, port } = new URL(environmentOf(gateway)['REDIS_URL'] ?? '');
  assert.equal(hostname, 'valkey');
  assert.deepEqual(service?.ports, [{ name: 'valkey', port: Number(port), targetPort: 'valkey' }]);
  assert.deepEqual(containersOf(podOf(valkey))[0]?.ports, [{ name: 'valkey', containerPort: Number(port) }]);
  assert.deepEqual(valkey.spec?.selector.matchLabels, labels);
  assert.deepEqual(service?.selector, labels);

  const { podSelector, ingress, egress } = only<NetworkPolicy>('NetworkPolicy', 'valkey').spec ?? {};
  assert.deepEqual(podSelector?.matchLabels, labels);
  const gateways = { podSelector: { matchLabels: gateway.spec?.selector.matchLabels } };
  assert.deepEqual(ingress, [{ from: [gateways], ports: [{ port: 'valkey' }] }]);
  assert.deepEqual(egress, []);
  const { egress: outward = [] } = only<NetworkPolicy>('NetworkPolicy', 'gateway').spec ?? {};
  assert.deepEqual(outward.at(-1), { to: [{ podSelector: { matchLabels: labels } }], ports: [{ port: Number(port) }] });
});

test('every selector finds the pods that it is for', () => {
  const labels = gateway.spec?.template.metadata?.labels;
  assert.ok(labels);
  assert.deepEqual(gateway.spec?.selector.matchLabels, labels);
  assert.deepEqual(only<Service>('Service', 'gateway').spec?.selector, labels);
  assert.deepEqual(only<PodDisruptionBudget>('PodDisruptionBudget', 'gateway').spec?.selector?.matchLabels, labels);
  assert.deepEqual(only<NetworkPolicy>('NetworkPolicy', 'gateway').spec?.podSelector?.matchLabels, labels);
  for (const { labelSelector } of podOf(gateway).topologySpreadConstraints ?? []) {
    assert.deepEqual(labelSelector?.matchLabels, labels);
  }
  const { scaleTargetRef } = only<HorizontalPodAutoscaler>('HorizontalPodAutoscaler', 'gateway').spec ?? {};
  assert.deepEqual(scaleTargetRef, { apiVersion: gateway.apiVersion, kind: gateway.kind, name: 'gateway' });
  assert.deepEqual(sidecar.spec?.selector.matchLabels, sidecar.spec?.template.metadata?.labels);
});

test('there are two gateways at least, and no more than one at a time is taken away', () => {
  const { minReplicas = 1, maxReplicas = 0 } =
    only<HorizontalPodAutoscaler>('HorizontalPodAutoscaler', 'gateway').spec ?? {};
  assert.ok(minReplicas >= 2 && maxReplicas > minReplicas);
  assert.equal(gateway.spec?.replicas, undefined, 'a number here would fight with the autoscaler');
  assert.equal(only<PodDisruptionBudget>('PodDisruptionBudget', 'gateway').spec?.maxUnavailable, 1);
  assert.equal(gateway.spec?.strategy?.rollingUpdate?.maxUnavailable, 0);
});

test('a pod gets longer to stop than its requests get to end', () => {
  for (const deployment of proxies) {
    const wait = proxyOf(deployment).lifecycle?.preStop?.sleep?.seconds ?? 0;
    const grace = podOf(deployment).terminationGracePeriodSeconds ?? 0;
    assert.ok(grace > wait + settings.drainTimeout.default, `${grace} s`);
  }
  assert.ok((proxyOf(gateway).lifecycle?.preStop?.sleep?.seconds ?? 0) > 0);
});

test('every pod keeps to the restricted standard, cannot write to its files and has no token of Kubernetes', () => {
  for (const pod of deployments.map(podOf)) {
    const { runAsNonRoot, runAsUser = 0, seccompProfile } = pod.securityContext ?? {};
    assert.deepEqual(
      { runAsNonRoot, seccompProfile },
      { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
    );
    assert.ok(runAsUser > 0);
    assert.equal(pod.automountServiceAccountToken, false);
    for (const { name, securityContext, resources } of containersOf(pod)) {
      assert.deepEqual(
        securityContext,
        { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } },
        name,
      );
      assert.ok(resources?.requests?.['cpu'] !== undefined && resources.limits?.['memory'] !== undefined, name);
    }
    for (const { name, secret, emptyDir } of pod.volumes ?? []) assert.ok(secret ?? emptyDir, name);
  }
  const { labels } = only<Manifest>('Namespace', 'maas-auth-proxy').metadata;
  assert.equal(labels?.['pod-security.kubernetes.io/enforce'], 'restricted');
});

test('secrets are mounted as directories that the kubelet can renew, for the group of the process alone', () => {
  for (const deployment of proxies) {
    const pod = podOf(deployment);
    const { volumeMounts = [] } = proxyOf(deployment);
    for (const { name, secret } of pod.volumes ?? []) {
      if (secret === undefined) continue;
      assert.equal(secret.defaultMode, 0o440, name);
      const mount = volumeMounts.find((candidate) => candidate.name === name);
      assert.equal(mount?.readOnly, true, name);
      assert.equal(mount?.subPath, undefined, `${name}: a subPath is never renewed`);
    }
    assert.equal(pod.securityContext?.fsGroup, pod.securityContext?.runAsUser);
    const files = Object.entries(environmentOf(deployment)).filter(([variable]) => variable.endsWith('_FILE'));
    assert.ok(files.length > 0);
    for (const [variable, file] of files) {
      assert.ok(
        volumeMounts.some(({ mountPath }) => file.startsWith(`${mountPath}/`)),
        `${variable} is mounted`,
      );
    }
  }
});

test('the key is in the sidecar alone, and only its own pod reaches it', () => {
  const holders = containersOf(podOf(sidecar)).filter(({ volumeMounts = [] }) => volumeMounts.length > 0);
  assert.deepEqual(
    holders.map(({ name }) => name),
    ['maas-auth-proxy'],
  );
  const environment = environmentOf(sidecar);
  assert.equal(environment['HOST'], '127.0.0.1');
  assert.equal(environment['ALLOW_UNAUTHENTICATED'], undefined);
  assert.equal(environment['MAAS_API_KEY'], undefined);
  // A sidecar in Kubernetes' sense: it starts before the service, and stops after it.
  assert.equal(podOf(sidecar).initContainers?.find(isProxy)?.restartPolicy, 'Always');
});
