import { setTimeout as wait } from 'node:timers/promises';
import type { ReadText } from '../config/files.ts';
import { SettingError } from '../config/values.ts';
import { fingerprint } from './fingerprint.ts';
import { createReading, type Reading } from './reading.ts';

/** What a watched file is for. */
export type WatchedPurpose =
  'clients' | 'key' | 'client-key' | 'client-policy' | 'ca' | 'policy' | 'tls' | 'client-ca' | 'admin-token';

/** A value that is made of files. */
export interface Source<Value> {
  readonly purpose: WatchedPurpose;
  /** Its title in the log: `the policy file /etc/policy.rules`. */
  readonly title: string;
  /** The text before the message of a `SettingError`: `--policy`. */
  readonly subject: string;
  /**
   * Makes the value from files that it reads only through `read`: these are the files that are watched.
   *
   * @throws {SettingError} what is wrong with them
   */
  load(read: ReadText): Value;
  /** Called before a new value replaces the current one; may refuse it, and is then called again periodically. */
  approve?(next: Value, inForce: Value): Promise<Approval>;
  /** Called with each new value. */
  onChange?(value: Value): void;
  /** Warnings about the current value; each is reported when it begins to hold, and when it holds again. */
  warnings?(value: Value): readonly string[];
  /** A note about a value: `12 keys`. */
  describe?(value: Value): string;
}

/** Whether a value may replace the current one: the reason why not, as a sentence, or a note. */
export type Approval = { readonly refused: string } | { readonly note?: string };

/** The outcome of a change. */
export interface ReloadEvent {
  readonly purpose: WatchedPurpose;
  /** A new value is in force; or a change could not be loaded; or such a failure is over; or there is a warning. */
  readonly outcome: 'taken' | 'broken' | 'mended' | 'doubtful';
  /** A sentence for the log. */
  readonly text: string;
}

/** The state of a watched value. */
export interface WatchState {
  readonly purpose: WatchedPurpose;
  readonly files: readonly string[];
  /** When the value in force was read, ms since 1970. */
  readonly since: number;
  /** Why the current files are not in force; `undefined` if they are. */
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

/**
 * How long files must stay unchanged before they are read, ms: a writer that truncates a file needs a moment to fill
 * it.
 */
const debounceMs = 100;

/**
 * How long a change must stay broken before that is reported, ms. A file may be missing for a moment while it is
 * replaced, and a certificate and its key are not written together.
 */
const reportAfterMs = 1_000;

/** When contents are compared once more after a reading, ms: the clocks of some file systems tick in whole seconds. */
const secondReadMs = 2_000;

/**
 * How often an unreadable file is tried again, ms. The reason (too many open files, an unreachable network file system)
 * may pass while the file's fingerprint stays the same.
 */
const rereadMs = 1_000;

/** How often approval of a refused value is tried again, ms. */
const retryMs = 5_000;

/** Why the files are not in force. */
interface Failure {
  readonly reason: string;
  readonly contents: string;
  readonly since: number;
  /** Whether the reason may pass while the files stay the same. */
  readonly mayPass: boolean;
  isReported: boolean;
}

/**
 * Makes a value from its files, and reloads it when they change.
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
      // The file's permissions can change without its content.
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
    report({ purpose: source.purpose, outcome, text });
  }

  function sentence(error: unknown, { hasUnread }: Reading): string {
    // No error may stop a running proxy.
    const reason =
      error instanceof SettingError
        ? `${source.subject} ${error.message}`
        : `Reading ${source.title} failed unexpectedly (${error instanceof Error ? error.name : typeof error})`;
    return `${reason}; what was read before stays in force${hasUnread ? ' until it can be read' : ''}.`;
  }

  /** Runs tasks one after the other. */
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
    state: () => ({ purpose: source.purpose, files: [...fingerprints.keys()], since, lastError: failure?.reason }),
    close() {
      isClosed = true;
    },
  };
}

async function hasChanged(before: ReadonlyMap<string, string>): Promise<boolean> {
  for (const [file, found] of before) if ((await fingerprint(file)) !== found) return true;
  return false;
}

/** Resolves as soon as the files have been unchanged for a moment, or when they keep changing. */
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
