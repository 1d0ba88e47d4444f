// describe/ and openapi.yaml: the simulator's own operations, with as much text as MAAS has (half a megabyte each).
import { operationText } from './operation-texts.ts';
import { view, type SimulatedResponse } from '../response.ts';
import { documented, type Actions, type Resource } from '../resource.ts';
import { apiHash, openapiVersion, type Version } from '../version-facts.ts';

const CRUD: Record<string, string> = { GET: 'read', POST: 'create', PUT: 'update', DELETE: 'delete' };

/** Filler text: the real documents explain each operation at length, so clients receive large responses. */
const filler = Array.from(
  { length: 48 },
  (_, line) => `:success (json) "example_${line}": Stands for an example that MAAS has here, of its response.`,
).join('\n');

const entries = (actions: Actions) =>
  Object.keys(actions).map((key) => {
    const [method = '', op = null] = key.split(' ');
    return { method, op, name: op ?? CRUD[method] ?? method };
  });

function handler(resource: Resource, name: string, actions: Actions, origin: string) {
  const template = documented(resource);
  return {
    actions: entries(actions).map(({ method, op, name: title }) => ({
      doc: `${operationText(`${method} ${template}${op === null ? '' : ` ${op}`}`, title)}\n\n${filler}`,
      method,
      name: title,
      op,
      restful: op === null,
    })),
    doc: `${name} of the simulator.`,
    name,
    params: [...template.matchAll(/\{(\w+)\}/g)].map(([, param]) => param),
    path: `/MAAS/api/2.0/${template}`,
    uri: `${origin}/MAAS/api/2.0/${template}`,
  };
}

/** `uri` has the address that the client used, `path` has none; `hash` does not depend on it (MAAS 3.7.3, seen). */
export function describe(resources: Resource[], origin: string, version: Version): SimulatedResponse {
  const both = resources.map((one) => {
    const auth = one.open ? null : handler(one, one.name, one.actions, origin);
    const open = one.anonymous ?? (one.open ? one.actions : undefined);
    const anon = open ? handler(one, `Anon${one.name}`, open, origin) : null;
    return { anon, auth, name: one.name };
  });
  const handlers = both.flatMap(({ anon, auth }) => [anon, auth]).filter((one) => one !== null);
  const document = { doc: 'MAAS API', handlers, hash: apiHash[version], resources: both };
  return view(200, 'application/json', JSON.stringify(document));
}

/** Hand-written YAML; `address` is MAAS's configured address, whatever address the client used. */
export function openapi(resources: Resource[], address: string, version: Version): SimulatedResponse {
  const indented = filler.replaceAll(/^/gm, ' '.repeat(8));
  const paths = resources.flatMap((one) => {
    const base = `/${documented(one)}`;
    // As in MAAS's own document, each op has its own path, in the suffix form.
    const byPath = new Map<string, string[]>();
    for (const { method, op, name } of entries(one.actions)) {
      const path = op === null ? base : `${base.replace(/\/?$/, '/')}op-${op}`;
      const lines = byPath.get(path) ?? [];
      lines.push(`    ${method.toLowerCase()}:`, '      description: |-', `        ${name}`, indented);
      lines.push(
        `      operationId: ${one.name}_${name}`,
        "      responses:\n        '200':\n          description: OK",
      );
      byPath.set(path, lines);
    }
    return [...byPath].map(([path, lines]) => `  ${path}:\n${lines.join('\n')}`);
  });
  const text = [
    'externalDocs:\n  description: MAAS API documentation\n  url: /MAAS/docs/api.html',
    'info:\n  description: The operations of the simulator.\n  title: MAAS HTTP API\n  version: 2.0.0',
    `openapi: ${openapiVersion[version]}`,
    `paths:\n${paths.join('\n')}`,
    `servers:\n- description: MAAS simulator API\n  url: ${address}/MAAS/api/2.0/`,
    '',
  ].join('\n');
  return view(200, 'application/openapi+yaml', text);
}
