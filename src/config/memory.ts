import type { Layers } from './layers/layers.ts';
import { defaultMemory, largestCache, memoryBounds, systemLimit, type MemoryBounds } from './memory-budget.ts';
import type { Remark } from './remark.ts';
import type { SettingValues } from './settings.ts';

/**
 * The largest share of the container's or machine's memory for `--max-memory`: the program itself and its garbage come
 * on top.
 */
const largestShare = 3 / 4;

/**
 * Chooses all bounds of memory.
 *
 * @param mistakes gets a sentence if the cache would leave too little for the other bounds
 * @param warnings gets a sentence if there is less memory than the bounds allow
 */
export function chooseMemory(
  layers: Layers,
  { maxMemory, cacheTtl, cacheMaxBytes }: SettingValues,
  tls: boolean,
  warnings: Remark[],
  mistakes: Remark[],
): MemoryBounds {
  const { name } = layers.wording;
  const total = maxMemory ?? defaultMemory();
  const caches = cacheTtl > 0;
  if (caches && cacheMaxBytes !== undefined && cacheMaxBytes > largestCache(total)) {
    const { source } = layers.found.get('cacheMaxBytes') ?? { source: name('cacheMaxBytes') };
    mistakes.push({
      about: 'setting',
      text: `${source} is ${cacheMaxBytes}, but ${name('maxMemory')} is ${total} bytes: set at most half of that, ${largestCache(total)}, or raise ${name('maxMemory')}.`,
    });
  }
  const limit = systemLimit();
  if (maxMemory !== undefined && maxMemory > limit * largestShare) {
    const { source } = layers.found.get('maxMemory') ?? { source: name('maxMemory') };
    warnings.push({
      about: 'setting',
      text: `${source} is ${mebibytes(maxMemory)} MiB, but this process may use only ${mebibytes(limit)} MiB, of which it needs about 110 MiB at rest: under load it may be killed. Half of the ${mebibytes(limit)} MiB is a good value.`,
    });
  }
  return memoryBounds(total, { tls, caches, cacheBytes: cacheMaxBytes });
}

function mebibytes(bytes: number): number {
  return Math.floor(bytes / 2 ** 20);
}
