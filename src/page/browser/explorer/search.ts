import type { Operation } from '../contract.ts';

/** Everyday words, and MAAS's words for them. */
const synonyms: Readonly<Record<string, readonly string[]>> = {
  reboot: ['power', 'cycle'],
  reinstall: ['deploy'],
  install: ['deploy'],
  wipe: ['release', 'erase'],
  server: ['machine'],
  servers: ['machines'],
  host: ['machine', 'hosts'],
  ip: ['ipaddresses', 'ip'],
  login: ['whoami', 'authorisation'],
  token: ['authorisation', 'token'],
  image: ['boot', 'resource'],
  images: ['boot', 'resources'],
};

/**
 * The operations in which each word of a search occurs, the best first: a word in the name counts more than one in the
 * text.
 */
export function search(operations: readonly Operation[], text: string): readonly Operation[] {
  const words = text
    .toLowerCase()
    .split(/[\s_-]+/)
    .filter((word) => word !== '');
  if (words.length === 0) return operations;
  return operations
    .map((operation) => ({ operation, score: scoreOf(operation, words) }))
    .filter(({ score }) => score > 0)
    .toSorted((one, other) => other.score - one.score)
    .map(({ operation }) => operation);
}

function scoreOf(operation: Operation, words: readonly string[]): number {
  const name = `${operation.method} ${operation.path} ${operation.op ?? ''}`.toLowerCase().replaceAll('_', ' ');
  const summary = operation.summary.toLowerCase();
  const description = operation.description.toLowerCase();
  let sum = 0;
  for (const word of words) {
    const found = [word, ...(synonyms[word] ?? [])].map((one, index) => {
      const points = name.split(/[ /]/).includes(one)
        ? 8
        : name.includes(one)
          ? 5
          : summary.includes(one)
            ? 4
            : description.includes(one)
              ? 1
              : 0;
      return index === 0 ? points : points / 2;
    });
    const best = Math.max(...found);
    if (best === 0) return 0;
    sum += best;
  }
  // Of two equally good matches the one for a single object, then the shorter one.
  return sum + 1 / (1 + name.length);
}
