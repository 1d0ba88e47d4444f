import { setTimeout as wait } from 'node:timers/promises';
import type { ReadText } from '../config/files.ts';
import { SettingError } from '../config/values.ts';
import { fingerprint } from './fingerprint.ts';
import { createReading, type Reading } from './reading.ts';

/** What a watched file is for. */
export type WatchedKind = 'clients' | 'key' | 'client-key' | 'client-policy' | 'ca' | 'policy' | 'tls' | 'client-ca';

/** Something that is made of files. */
export interface Source<Value> {
  readonly kind: WatchedKind;
  /** What the log calls it: `the policy file /etc/policy.rules`. */
  readonly title: string;
  /** What stands before the words of a `SettingError`: `--policy`. */
  readonly subject: string;
  /**
   * Makes the value of what it reads by `read`, and of nothing else: the files it reads are the ones that are looked at.
   *
   * @throws {SettingError} what is wrong with them
   */
  load(read: ReadText): Value;
  /** Asked before a new value takes the place of the one in force; may keep it out, and is then asked again from time to time. */
  approve?(next: Value, inForce: Value): Promise<Approval>;
  /** Told of each new value in force. */
  onChange?(value: Value): void;
  /** Sentences for the operator about a value that is in force; each is told as soon as it holds, and when it holds anew. */
  warnings?(value: Value): readonly string[];
  /** What is worth saying of a value: `12 keys`. */
  describe?(value: Value): string;
}

/** Whether a value may take the place of the one in force: why not, in a sentence, or what is worth saying of it. */
export type Approval = { readonly refused: string } | { readonly note?: string };

/** What has become of a change. */
export interface ReloadEvent {
  readonly kind: WatchedKind;
  /** A new value is in force, or a change could not be taken over, or what could not is gone again; or there is a doubt about the value. */
  readonly outcome: 'taken' | 'broken' | 'mended' | 'doubtful';
  /** A sentence for the log. */
  readonly text: string;
}

/** The state of a watched value. */
export interface WatchState {
  readonly kind: WatchedKind;
  readonly files: readonly string[];
  /** When the value in force was read, ms since 1970. */
  readonly since: number;
  /** Why the files as they are now are not in force; `undefined` where they are. */
  readonly lastError: string | undefined;
}

/** Watches the files of one value. */
export interface Watcher<Value> {
  now(): Value;
  /** Reloads the value if a file has changed. */
  poll(): Promise<void>;
  /** Reads the files again, even if their fingerprints are the same. */
  reload(): Promise<void>;
  state(): WatchState;
  close(): void;
}

/** How long files must stay unchanged before they are read, ms: a writer that truncates a file needs a moment to fill it. */
const debounceMs = 100;

/**
 * For how long a change must stay broken before that is said, ms. A file may be gone for a moment while it is replaced, and of
 * a certificate and its key one is written before the other.
 */
const reportAfterMs = 1_000;

/** When the contents are compared once more after a reading, ms: the clocks of some file systems tick in whole seconds. */
const secondReadMs = 2_000;

/**
 * How often a file that could not be read is tried again, ms. What kept it from being read (too many open files, a network file
 * system that is away) may pass, and the file looks as it did before.
 */
const rereadMs = 1_000;

/** How often what was not approved is tried again, ms. */
const retryMs = 5_000;

/** Why the files are not in force. */
interface Failure {
  readonly reason: string;
  readonly contents: string;
  readonly since: number;
  /** Whether it may pass without a change of the files. */
  readonly mayPass: boolean;
  isReported: boolean;
}

/**
 * Makes a value of its files, and keeps to them.
 *
 * @throws {SettingError} what is wrong with the files now
 */
export function createWatcher<Value>(source: Source<Value>, report: (event: ReloadEvent) => void): Watcher<Value> {
  const first = createReading();
  let value = source.load(first.read);
  let contents = first.contents();
  let since = Date.now();
  let { fingerprints } = first;
  let readAgainAt = performance.now() + secondReadMs;
  let failure: Failure | undefined;
  let inProgress: Promise<void> | undefined;
  let isClosed = false;
  let warnings: readonly string[] = [];

  async function checkOnce(): Promise<void> {
    if (!(await hasChanged(fingerprints))) {
      if (performance.now() >= readAgainAt) await read();
      else reportFailure();
      return;
    }
    await debounce([...fingerprints.keys()], () => isClosed);
    if (!isClosed) await read();
  }

  async function read(): Promise<void> {
    const reading = createReading();
    let next: Value;
    readAgainAt = Infinity;
    try {
      next = source.load(reading.read);
    } catch (error) {
      remember(reading);
      if (reading.hasUnread) readAgainAt = performance.now() + rereadMs;
      onFailure(reading, sentence(error, reading), false);
      return;
    }
    remember(reading);
    if (reading.contents() === contents) {
      onRecovered();
      // Who may write a file can change without its content.
      reportWarnings();
      return;
    }
    const before = value;
    let note: string | undefined;
    try {
      const approval = (await source.approve?.(next, before)) ?? {};
      if (isClosed) return;
      if ('refused' in approval) {
        readAgainAt = performance.now() + retryMs;
        onFailure(reading, approval.refused, true);
        return;
      }
      ({ note } = approval);
      value = next;
      source.onChange?.(next);
    } catch (error) {
      value = before;
      onFailure(reading, sentence(error, reading), false);
      return;
    }
    contents = reading.contents();
    since = Date.now();
    failure = undefined;
    const notes = [source.describe?.(next), note].filter((text) => text !== undefined);
    emit('taken', `read ${source.title} again${notes.length === 0 ? '' : `: ${notes.join(', ')}`}`);
    reportWarnings();
  }

  function reportWarnings(): void {
    const now = source.warnings?.(value) ?? [];
    for (const warning of now) if (!warnings.includes(warning)) emit('doubtful', warning);
    warnings = now;
  }

  /** Remembers the fingerprints of the files that were read. */
  function remember(reading: Reading): void {
    const isNew = [...reading.fingerprints].some(([file, found]) => fingerprints.get(file) !== found);
    if (isNew) readAgainAt = performance.now() + secondReadMs;
    fingerprints = reading.fingerprints;
  }

  function onFailure(reading: Reading, reason: string, mayPass: boolean): void {
    const found = reading.contents();
    if (failure?.reason === reason && failure.contents === found) return;
    failure = { reason, contents: found, since: performance.now(), mayPass, isReported: false };
    reportFailure();
  }

  function reportFailure(): void {
    if (failure === undefined || failure.isReported) return;
    if (!failure.mayPass && performance.now() - failure.since < reportAfterMs) return;
    failure.isReported = true;
    emit('broken', failure.reason);
  }

  function onRecovered(): void {
    if (failure?.isReported === true) emit('mended', `${source.title} is again what is in force`);
    failure = undefined;
  }

  function emit(outcome: ReloadEvent['outcome'], text: string): void {
    report({ kind: source.kind, outcome, text });
  }

  function sentence(error: unknown, { hasUnread }: Reading): string {
    // Whatever it was, it must not end a proxy that runs.
    const reason =
      error instanceof SettingError
        ? `${source.subject} ${error.message}`
        : `Reading ${source.title} failed unexpectedly (${error instanceof Error ? error.name : typeof error})`;
    return `${reason}; what was read before stays in force${hasUnread ? ' until it can be read' : ''}.`;
  }

  /** One after the other. */
  function run(work: () => Promise<void>): Promise<void> {
    const mine = (inProgress ?? Promise.resolve()).then(work).finally(() => {
      if (inProgress === mine) inProgress = undefined;
    });
    inProgress = mine;
    return mine;
  }

  reportWarnings();
  return {
    now: () => value,
    poll: () => inProgress ?? run(checkOnce),
    reload: () =>
      run(() => {
        failure = undefined;
        return read();
      }),
    state: () => ({ kind: source.kind, files: [...fingerprints.keys()], since, lastError: failure?.reason }),
    close() {
      isClosed = true;
    },
  };
}

async function hasChanged(before: ReadonlyMap<string, string>): Promise<boolean> {
  for (const [file, found] of before) if ((await fingerprint(file)) !== found) return true;
  return false;
}

/** Resolves as soon as files have stayed the same for a moment, or when they will not. */
async function debounce(files: readonly string[], isOver: () => boolean): Promise<void> {
  const fingerprintAll = async (): Promise<string> => (await Promise.all(files.map(fingerprint))).join('\n');
  let before = await fingerprintAll();
  for (let count = 0; count < 5 && !isOver(); count += 1) {
    await wait(debounceMs, undefined, { ref: false });
    const now = await fingerprintAll();
    if (now === before) return;
    before = now;
  }
}
