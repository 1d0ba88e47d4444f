import { LRUCache } from 'lru-cache';
import type { WholeAnswer } from './whole-answer.ts';

/** An answer that is kept for those who ask the same later. */
export interface Kept {
  readonly answer: WholeAnswer;
  /** `performance.now()` when MAAS was asked for it, ms: what has changed since then is not in it. */
  readonly askedAt: number;
  /** How many clients are being given it. */
  readers: number;
}

/** What was found in memory. */
export interface Found {
  readonly kept: Kept;
  /** Whole seconds since MAAS was asked. */
  readonly age: number;
  /** Whole seconds for which it may still be given. */
  readonly left: number;
}

/** Answers to reads, by the question's text. A write empties it (src/upstream/lines.ts). */
export interface Memory {
  /**
   * @param line how many lines there are
   * @param maxAge seconds, if the client wants no answer that is older
   */
  find(text: string, line: number, maxAge: number): Found | undefined;
  /**
   * Keeps an answer, unless a newer one is there.
   *
   * @param line how many lines there were when MAAS was asked
   */
  keep(text: string, line: number, answer: WholeAnswer, askedAt: number): void;
}

/**
 * How many answers are kept at the most: as many as there would be if each had so many bytes, within limits. A small one takes
 * several times its bytes.
 */
const leastShare = 4_096;
const fewest = 100;
const most = 50_000;

/**
 * Begins with nothing.
 *
 * @param ttl for how long an answer may be given, ms
 * @param maxBytes how much all answers together may hold; those that were not asked for the longest go first
 * @param now ms, from any beginning
 */
export function createMemory(ttl: number, maxBytes: number, now: () => number = () => performance.now()): Memory {
  const max = Math.min(Math.max(fewest, Math.ceil(maxBytes / leastShare)), most);
  const answers = new LRUCache<string, Kept>({ max, maxSize: maxBytes, sizeCalculation: sizeOf });
  let contentsLine = 0;
  const emptyAt = (line: number): void => {
    if (contentsLine !== line) answers.clear();
    contentsLine = line;
  };
  return {
    find(text, line, maxAge) {
      emptyAt(line);
      const kept = answers.get(text);
      if (kept === undefined) return undefined;
      const age = now() - kept.askedAt;
      if (age >= ttl) answers.delete(text);
      if (age >= ttl || age > maxAge * 1000) return undefined;
      return { kept, age: Math.floor(age / 1000), left: Math.floor((ttl - age) / 1000) };
    },
    keep(text, line, answer, askedAt) {
      emptyAt(line);
      const before = answers.peek(text);
      if (before !== undefined && before.askedAt > askedAt) return;
      answers.set(text, { answer, askedAt, readers: 0 });
    },
  };
}

function sizeOf({ answer: { body, rawHeaders } }: Kept, text: string): number {
  return rawHeaders.reduce((sum, field) => sum + field.length, body.length + text.length);
}
