import { setTimeout as wait } from 'node:timers/promises';
import type { ReadText } from '../config/files.ts';
import { SettingError } from '../config/values.ts';
import { look } from './look.ts';
import { createReading, type Reading } from './reading.ts';

/** What a followed file is for. */
export type LiveKind = 'clients' | 'key' | 'client-key' | 'client-policy' | 'ca' | 'policy' | 'tls' | 'client-ca';

/** Something that is made of files. */
export interface Source<Value> {
  readonly kind: LiveKind;
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
  doubts?(value: Value): readonly string[];
  /** What is worth saying of a value: `12 keys`. */
  describe?(value: Value): string;
}

/** Whether a value may take the place of the one in force: why not, in a sentence, or what is worth saying of it. */
export type Approval = { readonly refused: string } | { readonly note?: string };

/** What has become of a change. */
export interface LiveEvent {
  readonly kind: LiveKind;
  /** A new value is in force, or a change could not be taken over, or what could not is gone again; or there is a doubt about the value. */
  readonly outcome: 'taken' | 'broken' | 'mended' | 'doubtful';
  /** A sentence for the log. */
  readonly text: string;
}

/** How a followed thing stands. */
export interface LiveState {
  readonly kind: LiveKind;
  readonly files: readonly string[];
  /** When the value in force was read, ms since 1970. */
  readonly since: number;
  /** Why the files as they are now are not in force; `undefined` where they are. */
  readonly trouble: string | undefined;
}

/** Keeps one thing to its files. */
export interface Follower<Value> {
  now(): Value;
  /** Looks whether something has changed, and if so takes it over. */
  look(): Promise<void>;
  /** Reads the files again, however they look. */
  reload(): Promise<void>;
  state(): LiveState;
  close(): void;
}

/** For how long files must stay as they are before they are read, ms: who truncates a file and writes it takes a moment. */
const settling = 100;

/**
 * For how long a change must stay broken before that is said, ms. A file may be gone for a moment while it is replaced, and of
 * a certificate and its key one is written before the other.
 */
const patience = 1_000;

/** When the contents are compared once more after a reading, ms: the clocks of some file systems tick in whole seconds. */
const secondReading = 2_000;

/**
 * How often a file that could not be read is tried again, ms. What kept it from being read (too many open files, a network file
 * system that is away) may pass, and the file looks as it did before.
 */
const rereading = 1_000;

/** How often what was not approved is tried again, ms. */
const retrying = 5_000;

/** Why the files are not in force. */
interface Trouble {
  readonly reason: string;
  readonly contents: string;
  readonly since: number;
  /** Whether it may pass without a change of the files. */
  readonly mayPass: boolean;
  isTold: boolean;
}

/**
 * Makes a value of its files, and keeps to them.
 *
 * @throws {SettingError} what is wrong with the files now
 */
export function createFollower<Value>(source: Source<Value>, report: (event: LiveEvent) => void): Follower<Value> {
  const first = createReading();
  let value = source.load(first.read);
  let contents = first.contents();
  let since = Date.now();
  let { looks } = first;
  let readAgainAt = performance.now() + secondReading;
  let trouble: Trouble | undefined;
  let underWay: Promise<void> | undefined;
  let isClosed = false;
  let doubts: readonly string[] = [];

  async function lookOnce(): Promise<void> {
    if (!(await hasChanged(looks))) {
      if (performance.now() >= readAgainAt) await read();
      else tellTrouble();
      return;
    }
    await settle([...looks.keys()], () => isClosed);
    if (!isClosed) await read();
  }

  async function read(): Promise<void> {
    const reading = createReading();
    let next: Value;
    readAgainAt = Infinity;
    try {
      next = source.load(reading.read);
    } catch (error) {
      keep(reading);
      if (reading.hasUnread) readAgainAt = performance.now() + rereading;
      onTrouble(reading, sentence(error, reading), false);
      return;
    }
    keep(reading);
    if (reading.contents() === contents) {
      onMended();
      // Who may write a file can change without its content.
      tellDoubts();
      return;
    }
    const before = value;
    let note: string | undefined;
    try {
      const approval = (await source.approve?.(next, before)) ?? {};
      if (isClosed) return;
      if ('refused' in approval) {
        readAgainAt = performance.now() + retrying;
        onTrouble(reading, approval.refused, true);
        return;
      }
      ({ note } = approval);
      value = next;
      source.onChange?.(next);
    } catch (error) {
      value = before;
      onTrouble(reading, sentence(error, reading), false);
      return;
    }
    contents = reading.contents();
    since = Date.now();
    trouble = undefined;
    const notes = [source.describe?.(next), note].filter((text) => text !== undefined);
    tell('taken', `read ${source.title} again${notes.length === 0 ? '' : `: ${notes.join(', ')}`}`);
    tellDoubts();
  }

  function tellDoubts(): void {
    const now = source.doubts?.(value) ?? [];
    for (const doubt of now) if (!doubts.includes(doubt)) tell('doubtful', doubt);
    doubts = now;
  }

  /** Takes note of how the files looked that were read. */
  function keep(reading: Reading): void {
    const looksNew = [...reading.looks].some(([file, found]) => looks.get(file) !== found);
    if (looksNew) readAgainAt = performance.now() + secondReading;
    looks = reading.looks;
  }

  function onTrouble(reading: Reading, reason: string, mayPass: boolean): void {
    const found = reading.contents();
    if (trouble?.reason === reason && trouble.contents === found) return;
    trouble = { reason, contents: found, since: performance.now(), mayPass, isTold: false };
    tellTrouble();
  }

  function tellTrouble(): void {
    if (trouble === undefined || trouble.isTold) return;
    if (!trouble.mayPass && performance.now() - trouble.since < patience) return;
    trouble.isTold = true;
    tell('broken', trouble.reason);
  }

  function onMended(): void {
    if (trouble?.isTold === true) tell('mended', `${source.title} is again what is in force`);
    trouble = undefined;
  }

  function tell(outcome: LiveEvent['outcome'], text: string): void {
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
    const mine = (underWay ?? Promise.resolve()).then(work).finally(() => {
      if (underWay === mine) underWay = undefined;
    });
    underWay = mine;
    return mine;
  }

  tellDoubts();
  return {
    now: () => value,
    look: () => underWay ?? run(lookOnce),
    reload: () =>
      run(() => {
        trouble = undefined;
        return read();
      }),
    state: () => ({ kind: source.kind, files: [...looks.keys()], since, trouble: trouble?.reason }),
    close() {
      isClosed = true;
    },
  };
}

async function hasChanged(before: ReadonlyMap<string, string>): Promise<boolean> {
  for (const [file, found] of before) if ((await look(file)) !== found) return true;
  return false;
}

/** Resolves as soon as files have stayed the same for a moment, or when they will not. */
async function settle(files: readonly string[], isOver: () => boolean): Promise<void> {
  const lookAtAll = async (): Promise<string> => (await Promise.all(files.map(look))).join('\n');
  let before = await lookAtAll();
  for (let count = 0; count < 5 && !isOver(); count += 1) {
    await wait(settling, undefined, { ref: false });
    const now = await lookAtAll();
    if (now === before) return;
    before = now;
  }
}
