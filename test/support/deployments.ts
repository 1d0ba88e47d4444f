// Reads the manifests in deploy/kubernetes.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import type { Deployment } from 'kubernetes-types/apps/v1.js';
import type { Container, PodSpec } from 'kubernetes-types/core/v1.js';
import { readYaml, type Manifest } from './manifests.ts';

/** The folders for `kubectl apply -k`. */
export const directories = ['deploy/kubernetes', 'deploy/kubernetes/sidecar'] as const;

/** A kustomization, with the fields that ours use. */
export interface Kustomization {
  readonly resources: readonly string[];
  readonly configMapGenerator?: readonly { readonly name: string; readonly envs: readonly string[] }[];
  readonly images: readonly { readonly name: string; readonly newTag: string }[];
}

/** Reads the kustomization of a folder. */
export function kustomizationOf(directory: string): Kustomization {
  return readYaml(join(directory, 'kustomization.yaml'))[0] as Kustomization;
}

/** The objects that a kustomization names. */
export function manifestsOf(directory: string): Manifest[] {
  return kustomizationOf(directory).resources.flatMap((file) => readYaml(join(directory, file)) as Manifest[]);
}

/** The one object of a kind and name. */
export function only<Kind extends object>(kind: string, name: string): Kind {
  const [found, ...more] = directories
    .flatMap(manifestsOf)
    .filter((manifest) => manifest.kind === kind && manifest.metadata.name === name);
  assert.ok(found !== undefined && more.length === 0, `there is one ${kind} ${name}`);
  return found as object as Kind;
}

/** The pods of a deployment. */
export function podOf(deployment: Deployment): PodSpec {
  const pod = deployment.spec?.template.spec;
  assert.ok(pod);
  return pod;
}

/** All containers of a pod, sidecars included. */
export function containersOf(pod: PodSpec): Container[] {
  return [...(pod.initContainers ?? []), ...pod.containers];
}

/** Whether a container is the proxy. */
export function isProxy({ image }: Container): boolean {
  return image?.startsWith('maas-auth-proxy:') === true;
}

/** The container that is the proxy. */
export function proxyOf(deployment: Deployment): Container {
  const [proxy, ...more] = containersOf(podOf(deployment)).filter(isProxy);
  assert.ok(proxy !== undefined && more.length === 0);
  return proxy;
}

/** The settings with which a proxy is started, including its ConfigMap. */
export function environmentOf(deployment: Deployment): Record<string, string> {
  const { env = [], envFrom = [] } = proxyOf(deployment);
  const generators = kustomizationOf('deploy/kubernetes').configMapGenerator ?? [];
  const generated = envFrom.flatMap(({ configMapRef }) => {
    if (configMapRef === undefined) return [];
    const files = generators.find(({ name }) => name === configMapRef.name)?.envs;
    assert.ok(files, `a generator makes the ConfigMap ${configMapRef.name}`);
    return files.map((file) => parseEnv(readFileSync(join('deploy/kubernetes', file), 'utf8')));
  });
  const own = Object.fromEntries(env.map(({ name, value }) => [name, value ?? '']));
  return Object.assign({}, ...generated, own) as Record<string, string>;
}
