import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseAllDocuments } from 'yaml';

/** One object of a Kubernetes manifest, with the fields that all of them have. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly labels?: Readonly<Record<string, string>> };
  readonly spec?: unknown;
}

/**
 * The documents of a YAML file, parsed as kubectl does: octal numbers begin with 0, and an unknown alias, a duplicate
 * key or a tab is an error.
 */
export function readYaml(file: string): unknown[] {
  return parseAllDocuments(readFileSync(file, 'utf8'), { version: '1.1', uniqueKeys: true }).map((document) => {
    assert.deepEqual([...document.errors, ...document.warnings], [], file);
    return document.toJS() as unknown;
  });
}

/** The module of the package `kubernetes-types` that has the type of this object. */
function moduleOf({ apiVersion }: Manifest): string {
  const [group = 'core', version = ''] = apiVersion.includes('/') ? apiVersion.split('/') : ['core', apiVersion];
  return `kubernetes-types/${group.replace(/\..*/, '')}/${version}`;
}

/**
 * The TypeScript compiler's errors about these objects as values of Kubernetes' own types (generated from the
 * description of its API): an unknown field, a missing one, a wrong type. Empty if there are none.
 */
export function schemaMistakes(manifests: readonly Manifest[]): string {
  // Inside the project, so that the compiler finds the package.
  const directory = resolve(`dist/manifests-${process.pid}`);
  mkdirSync(directory, { recursive: true });
  try {
    const file = join(directory, 'manifests.ts');
    const lines = manifests.map(
      (manifest, index) =>
        `export const _${index}: import('${moduleOf(manifest)}.js').${manifest.kind} = ${JSON.stringify(manifest, undefined, 1)};`,
    );
    writeFileSync(file, lines.join('\n'));
    const options = ['--noEmit', '--strict', '--skipLibCheck', '--module', 'nodenext', '--types', 'node'];
    execFileSync(process.execPath, [resolve('node_modules/typescript/bin/tsc'), '--ignoreConfig', ...options, file], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    return '';
  } catch (error) {
    if (error instanceof Error && 'stdout' in error) return String(error.stdout);
    throw error;
  } finally {
    rmSync(directory, { recursive: true });
  }
}
