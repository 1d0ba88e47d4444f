// The proxy's reading of paths, held against a model of MAAS's own router: patterns in order, whole matches, decoded paths.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { resolveApiPath } from '../../src/maas/api-path.ts';
import { operationName } from '../../src/maas/operations/operation-name.ts';
import { resolveOperation } from '../../src/maas/operations/operation.ts';
import { evaluate } from '../../src/policy/evaluate.ts';
import { parsePolicy } from '../../src/policy/policy.ts';
import { allOperations } from '../data/operations.ts';

/** What MAAS's patterns have in the place of `[^/]+` (`urls_api.py`, 3.4 to main); Python's `\w` and `\d` know all scripts. */
const special: Readonly<Record<string, string>> = {
  'subnets/{id}': '[.: _\\p{L}\\p{N}\\-]+(?:/\\p{Nd}\\p{Nd}\\p{Nd}?)?',
  'files/{filename}': '.+',
  'discovery/{discovery_id}': '[.: _=^\\p{L}\\p{N}]+',
};

interface MaasRoute {
  readonly pattern: RegExp;
  /** As a rule has it, with a star for each identifier. */
  readonly rule: string;
  readonly template: string;
}

function regularExpression(path: string, end: string): RegExp {
  const source = path
    .replaceAll(/\{\w+\}/g, () => special[path.replace(/\/\*?\/?$/, '')] ?? '[^/]+')
    .replace('.yaml', '\\.yaml');
  return new RegExp(`^${source.replace(/\/$/, '')}${path.endsWith('/') ? '/' : ''}${end}$`, 'u');
}

const routes: MaasRoute[] = [];
for (const path of new Set(allOperations.map(({ pattern }) => pattern))) {
  const template = path.replace('/*/', '/').replace('[s]?', '').replace(/\/$/, '');
  const rule = template.replaceAll(/\{\w+\}/g, '*');
  // `discovery/{id}/*/` takes any number of slashes at its end.
  routes.push({ pattern: regularExpression(path, ''), rule, template });
  if (!path.endsWith('/')) continue;
  for (const op of new Set(allOperations.filter(({ pattern }) => pattern === path).flatMap((one) => one.op ?? []))) {
    routes.push({ pattern: regularExpression(path, `op-${op}`), rule, template });
  }
}

/** What MAAS would run: twisted takes repeated slashes of the request together, then all is decoded, then Django looks. */
function routeOfMaas(raw: string): { rule: string; template: string; suffix: string | undefined } | undefined {
  const text = decodeURIComponent(raw.replaceAll(/\/+/g, '/')).slice(1);
  const found = routes.find(({ pattern }) => pattern.test(text));
  return found && { ...found, suffix: /^.+\/op-([^/]+)$/.exec(text)?.[1] };
}

const identifier = fc.constantFrom(
  'abc',
  '1',
  'op-x',
  'op-deploy',
  'op-get',
  '10.0.0.0/24',
  'cidr:10.0.0.0/24',
  '10.0.0.0%2F24',
  '10.0.0.0/%D9%A2%D9%A4',
  '10.0.0.0/8',
  '2001:db8::/64',
  'a%2Fb',
  '%2F',
  '%2Fa',
  'a/b/c',
  'a b',
  'ä',
  'machines',
  'partitions',
);
const slash = fc.constantFrom('/', '/', '/', '//', '%2F', '/%2F', '%2f/');
const end = fc.constantFrom('', '/', '/', '//', '%2F');

const requests = fc
  .record({
    listed: fc.constantFrom(...allOperations),
    identifiers: fc.array(identifier, { minLength: 3, maxLength: 3 }),
    slashes: fc.array(slash, { minLength: 8, maxLength: 8 }),
    end,
    suffixed: fc.boolean(),
    inQuery: fc.boolean(),
    encoded: fc.boolean(),
  })
  .map(({ listed: { method, pattern, op }, identifiers, slashes, end: tail, suffixed, inQuery, encoded }) => {
    const words = pattern
      .replace('/*/', '/')
      .replace(/\/$/, '')
      .replace('[s]?', encoded ? 's' : '')
      .split('/');
    if (suffixed) words.push(`op-${op ?? 'x'}`);
    let given = 0;
    const path = words
      .map(
        (word, at) => `${at === 0 ? '/' : (slashes[at] ?? '/')}${word.startsWith('{') ? identifiers[given++] : word}`,
      )
      .join('');
    const query = inQuery && op !== undefined ? `?op=${op}` : '';
    return { method, target: path + tail + query, query: query === '' ? undefined : op };
  });

test('whatever way a request is written: what MAAS would run is refused by a rule against it, and by its name', () => {
  let ran = 0;
  fc.assert(
    fc.property(requests, ({ method, target, query }) => {
      const path = resolveApiPath(target);
      if (typeof path === 'string') return;
      // What goes to MAAS is what the proxy has made of it, with the slash that was missing.
      const maas = routeOfMaas(path.path);
      if (maas === undefined) return;
      const op = query ?? maas.suffix;
      const isKnown = allOperations.some(
        (one) =>
          one.method === method &&
          one.op === op &&
          one.pattern.replace('/*/', '/').replace('[s]?', '').replace(/\/$/, '') === maas.template,
      );
      if (!isKnown) return; // MAAS answers 400 or 405
      ran += 1;
      for (const rule of [
        `deny ${method} ${maas.rule} ${op ?? '-'}`,
        `deny ${method} ${maas.rule}`,
        `deny ${method} ${maas.template} ${op ?? '-'}`,
      ]) {
        const { decision, ambiguity } = evaluate(
          parsePolicy('test', `* **\n${rule}`),
          resolveOperation(method, path),
          path,
        );
        assert.ok(!decision.allowed || ambiguity !== undefined, `${method} ${target} is allowed by "* **; ${rule}"`);
      }
      assert.equal(
        operationName(resolveOperation(method, path)),
        [method, maas.template, op].filter((part) => part !== undefined).join(' '),
        `${method} ${target}`,
      );
    }),
    { numRuns: 20_000 },
  );
  assert.ok(ran > 2_000, `only ${ran} would run`);
});

test('with a rule for it alone, what MAAS would run passes in its plain spellings', () => {
  for (const { method, pattern, op } of allOperations) {
    const plain = pattern.replace('/*/', '/').replace('[s]?', '');
    for (const value of [
      'abc',
      'op-x',
      ...(special[plain.replace(/\/$/, '')] === special['subnets/{id}'] ? ['10.0.0.0/24'] : []),
    ]) {
      const target = `/${plain.replaceAll(/\{\w+\}/g, value)}`;
      // An op in the name of a script is MAAS's 400.
      if (!target.endsWith('/') && target.includes('/op-')) continue;
      const path = resolveApiPath(`${target}${op === undefined ? '' : `?op=${op}`}`);
      assert.ok(typeof path !== 'string');
      const rule = `${method} ${plain.replaceAll(/\{\w+\}/g, '*')} ${op ?? '-'}`;
      const { decision, ambiguity } = evaluate(parsePolicy('test', rule), resolveOperation(method, path), path);
      assert.ok(decision.allowed && ambiguity === undefined, `${method} ${target} under "${rule}": ${ambiguity}`);
    }
  }
});
