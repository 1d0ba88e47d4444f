import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runCli } from '../support/cli.ts';

test('a start with a wrong setting always ends: 150 of 150, six side by side', async (t) => {
  // Before the collection of `endProcess`, 1 of 50 hung on Node 26.
  let left = 150;
  const codes = new Map<number | null, number>();
  const starter = async (): Promise<void> => {
    for (; left > 0;) {
      left--;
      const { code } = await runCli(t, [], { MAAS_URL: 'http://a:5240/MAAS/api/1.0,http://b', MAAS_API_KEY: 'a:b:c' });
      codes.set(code, (codes.get(code) ?? 0) + 1);
    }
  };
  await Promise.all(Array.from({ length: 6 }, starter));
  assert.deepEqual([...codes], [[2, 150]]);
});
