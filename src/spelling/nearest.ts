/**
 * The candidate that a mistyped word most probably means, for a "did you mean"; `undefined` if none is similar: more
 * than a third of the letters would have to change. Of equally similar ones it is the one with the longest common
 * beginning, then the first. Case is ignored, and a candidate that equals the word is found too.
 *
 * @param most how many letters may differ, if a third is too many
 */
export function nearest(word: string, candidates: Iterable<string>, most = Infinity): string | undefined {
  const wanted = word.slice(0, longest).toLowerCase();
  let found: string | undefined;
  let least = Math.min(most, Math.floor(Math.max(3, wanted.length) / 3));
  let common = -1;
  for (const candidate of candidates) {
    const other = candidate.toLowerCase();
    const mistakes = countMistakes(wanted, other, least + 1);
    if (mistakes > least) continue;
    const alike = commonBeginning(wanted, other);
    if (mistakes === least && alike <= common) continue;
    least = mistakes;
    common = alike;
    found = candidate;
  }
  return found;
}

function commonBeginning(one: string, other: string): number {
  let length = 0;
  while (length < one.length && one[length] === other[length]) length += 1;
  return length;
}

/** Longer words are cut, characters: the time is the product of both lengths, and a word may come from any client. */
const longest = 200;

/**
 * How many letters must be inserted, deleted, replaced or swapped with the next one to turn one word into the other
 * (the "optimal string alignment" variant of Damerau-Levenshtein distance). Distances of `limit` or more count as
 * `limit`.
 */
function countMistakes(one: string, other: string, limit: number): number {
  if (Math.abs(one.length - other.length) >= limit) return limit;
  let before: number[] = [];
  let last = Array.from({ length: other.length + 1 }, (_, at) => at);
  for (let row = 1; row <= one.length; row += 1) {
    const next = [row];
    for (let at = 1; at <= other.length; at += 1) {
      const isSame = one[row - 1] === other[at - 1];
      const isSwapped = row > 1 && at > 1 && one[row - 1] === other[at - 2] && one[row - 2] === other[at - 1];
      next[at] = Math.min(
        (last[at] ?? limit) + 1,
        (next[at - 1] ?? limit) + 1,
        (last[at - 1] ?? limit) + (isSame ? 0 : 1),
        isSwapped ? (before[at - 2] ?? limit) + 1 : limit,
      );
    }
    before = last;
    last = next;
  }
  return Math.min(limit, last[other.length] ?? limit);
}
