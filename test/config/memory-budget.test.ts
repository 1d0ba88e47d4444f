// One number for all memory that clients and MAAS can fill: where it comes from, what it is made of, and what is wrong with it.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { readConfiguration, type Configuration } from '../../src/config/configuration.ts';
import { readLayers } from '../../src/config/layers/layers.ts';
import { defaultMemory, memoryBounds, type MemoryBounds } from '../../src/config/memory-budget.ts';
import { canaryKey } from '../support/proxy.ts';

const MIB = 2 ** 20;

function configure(...args: readonly string[]): Promise<Configuration> {
  const layers = readLayers({
    args: ['--maas-url', 'http://127.0.0.1:1', ...args],
    env: { MAAS_API_KEY: canaryKey },
    dotenvFile: '/nonexistent/.env',
  });
  return readConfiguration(layers, '/nonexistent');
}

/** What all bounds together may take, bytes, where clients come by plain http. */
function sum({ connections, compressed, total: _total, ...bytes }: MemoryBounds): number {
  return Object.values(bytes).reduce((all, one) => all + one, connections * 8 * 1024 + compressed * 3 * MIB);
}

/** The cells of a bound in the table. */
function row(name: keyof MemoryBounds, unit: number, tls = false): string {
  const cells = [512, 256, 128].map((total) => {
    const bound = memoryBounds(total * MIB, { tls, caches: name === 'cache' })[name] / unit;
    return unit === 1 ? bound.toLocaleString('en') : `${bound} MiB`;
  });
  return `| ${cells.join(' | ')} |`;
}

for (const total of [64, 128, 256, 300, 512, 4_096]) {
  for (const caches of [false, true]) {
    test(`all bounds together stay within ${total} MiB, ${caches ? 'with' : 'without'} a cache`, () => {
      const bounds = memoryBounds(total * MIB, { tls: false, caches });
      assert.ok(sum(bounds) <= total * MIB, `${sum(bounds) / MIB} MiB`);
      assert.ok(Object.entries(bounds).every(([name, bound]) => bound > 0 || (name === 'cache' && !caches)));
      const larger = memoryBounds(total * MIB, { tls: false, caches: true, cacheBytes: (total / 2) * MIB });
      assert.ok(sum(larger) <= total * MIB);
    });
  }
}

test('by default half of the container may be held, at most 512 MiB', () => {
  assert.equal(defaultMemory(512 * MIB), 256 * MIB);
  assert.equal(defaultMemory(256 * MIB), 128 * MIB);
  assert.equal(defaultMemory(64 * 1024 * MIB), 512 * MIB);
  assert.equal(defaultMemory(100 * MIB), 64 * MIB);
});

test('--max-memory is understood as people write it', async () => {
  for (const [text, bytes] of [
    ['268435456', 256 * MIB],
    ['256M', 256 * MIB],
    ['256m', 256 * MIB],
    ['256MiB', 256 * MIB],
    ['256 MB', 256 * MIB],
    ['262144K', 256 * MIB],
    ['1G', 1024 * MIB],
  ] as const) {
    assert.equal((await configure('--max-memory', text)).memory.total, bytes, text);
  }
});

for (const wrong of ['63M', '0', 'half', '1T', '-1', '256Mi!', '1.5G']) {
  test(`--max-memory ${wrong} is refused with a sentence`, async () => {
    await assert.rejects(
      configure(`--max-memory=${wrong}`),
      /--max-memory must be a number of bytes of at least 64M, such as 256M or 1G, not/,
    );
  });
}

test('a cache that would leave too little for the rest is refused, with what to do', async () => {
  const flags = ['--max-memory', '256M', '--cache-max-bytes', '200000000'];
  await assert.rejects(
    configure(...flags, '--cache-ttl', '5'),
    /--cache-max-bytes is 200000000, .* set at most half of that, 134217728, or raise --max-memory/,
  );
  assert.equal((await configure(...flags)).memory.cache, 0, 'without a cache it does not matter');
  assert.equal((await configure('--max-memory', '256M', '--cache-ttl', '5')).memory.cache, 32 * MIB);
});

test('more than three quarters of what there is draws a warning', async () => {
  const { warnings } = await configure('--max-memory', '1000000G');
  assert.match(warnings.join('\n'), /--max-memory is 1024000000 MiB, but this process may use only \d+ MiB/);
});

test('docs/limits.md tells the bounds as they are', () => {
  const text = readFileSync(new URL('../../../docs/limits.md', import.meta.url), 'utf8');
  for (const name of ['cache', 'bodies', 'shared', 'unread', 'headers', 'incompleteHeaders'] as const) {
    assert.ok(text.includes(row(name, MIB)), `${name} ${row(name, MIB)}`);
  }
  for (const expected of [row('connections', 1), row('connections', 1, true), row('compressed', 1)]) {
    assert.ok(text.includes(expected), expected);
  }
});
