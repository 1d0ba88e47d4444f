/** What takes lines: a file, a pipe, a terminal. */
export interface LineSink {
  /**
   * Writes a batch from a place on; a part of it will do. What takes nothing just now is waited for here, so that an error means that
   * these bytes cannot be written.
   *
   * @param done may be called before this returns
   */
  write(batch: Buffer, start: number, done: (error: NodeJS.ErrnoException | null, written: number) => void): void;
  /**
   * Called between two batches: goes on in another file where one is due.
   *
   * @returns whether the last line there has no end; `undefined` where all stays as it is
   */
  change?(): boolean | undefined;
}

/** How a queue of lines behaves. */
export interface LineQueueOptions {
  /** How much may wait, bytes, with what is being written: what takes nothing for long must not take the memory. */
  readonly room: number;
  /** Whether the sink's last line has no end yet. */
  readonly isTorn?: boolean;
  /** When a line that nothing waits before is written; at once by default. */
  readonly schedule?: (write: () => void) => void;
  /** The line that tells of lost ones, with its newline, in front of the first line for which there is room again. */
  readonly notice?: (lost: number, code: string) => string;
  /** So many lines are gone. @param code the system's, such as `ENOSPC`; `EBUSY` where there was no room */
  onLost(lines: number, code: string): void;
  /** Lines can be written again. */
  onResumed?(): void;
}

/** Lines on their way to a sink. */
export interface LineQueue {
  /** Adds a line, with its newline; nobody waits for it. */
  add(line: string): void;
  /** Writes what waits, unless something is being written already. */
  pump(): void;
  /** Takes no further lines. @returns resolved when nothing waits any more */
  close(): Promise<void>;
  /** What waits, without what is being written, and forgets it. For a process that ends now. */
  takeWaiting(): Buffer;
}

const newline = 10;

/**
 * Makes a queue in front of a sink. Lines that come together are written together; a sink that fails or takes nothing costs
 * the lines for which there is no room, never the caller's time. Where half a line was written, it gets its end before the next.
 */
export function createLineQueue(sink: LineSink, options: LineQueueOptions): LineQueue {
  const { room, schedule, notice, onLost, onResumed } = options;
  let isTorn = options.isTorn === true;
  let waiting = '';
  /** Of what waits, and of what is being written, bytes. */
  const size = { waiting: 0, writing: 0 };
  /** Lines that are lost, and why, since the last notice. */
  let lost = 0;
  let why = '';
  /** How many lost lines the notice speaks of that waits, and the one that is being written. */
  const told = { waiting: 0, writing: 0 };
  let isLosing = false;
  let isWriting = false;
  let isScheduled = false;
  let isFull = false;
  let isClosed = false;
  let whenIdle: (() => void) | undefined;

  function lose(lines: number, code: string): void {
    if (lines === 0) return;
    lost += lines;
    why = code;
    isLosing = true;
    onLost(lines, code);
  }

  function add(line: string): void {
    const bytes = Buffer.byteLength(line);
    // Once a line is lost those behind it are too, until what waits is on its way: the notice has one place, in front.
    isFull ||= size.waiting + size.writing + bytes > room;
    if (isClosed || isFull) return lose(1, 'EBUSY');
    if (lost > 0 && notice !== undefined) {
      const text = notice(lost, why);
      told.waiting += lost;
      lost = 0;
      waiting += text;
      size.waiting += Buffer.byteLength(text);
    }
    waiting += line;
    size.waiting += bytes;
    if (isWriting || isScheduled) return;
    if (schedule === undefined) return pump();
    isScheduled = true;
    schedule(() => {
      isScheduled = false;
      pump();
    });
  }

  function pump(): void {
    if (isWriting) return;
    isTorn = sink.change?.() ?? isTorn;
    if (waiting === '' && !isTorn) {
      whenIdle?.();
      return;
    }
    const batch = Buffer.from(isTorn ? `\n${waiting}` : waiting);
    told.writing = told.waiting;
    told.waiting = 0;
    waiting = '';
    isFull = false;
    size.waiting = 0;
    size.writing = batch.length;
    isWriting = true;
    writeFrom(batch, 0);
  }

  function writeFrom(batch: Buffer, start: number): void {
    sink.write(batch, start, (error, written) => {
      if (error === null && start + written < batch.length) {
        // Room for a part of it: the rest meets the error.
        writeFrom(batch, start + written);
        return;
      }
      isWriting = false;
      size.writing = 0;
      if (error === null) {
        isTorn = false;
        if (isLosing) onResumed?.();
        isLosing = false;
      } else fail(batch, start, error.code ?? error.name);
      const changed = sink.change?.();
      isTorn = changed ?? isTorn;
      // A torn end is tried again with the next line, not at once and for ever.
      if (waiting !== '' || changed === true) pump();
      else whenIdle?.();
    });
  }

  function fail(batch: Buffer, start: number, code: string): void {
    // The newline in front ends a line of before.
    const first = isTorn ? 1 : 0;
    const from = Math.max(start, first);
    let lines = countLines(batch, from);
    if (start > 0) isTorn = batch[start - 1] !== newline;
    if (told.writing > 0 && from <= batch.indexOf(newline, first)) {
      // The notice is gone too: the next one speaks of its lines again.
      lines -= 1;
      lost += told.writing;
    }
    lose(lines, code);
  }

  if (isTorn) pump();
  return {
    add,
    pump,
    async close() {
      isClosed = true;
      pump();
      if (!isWriting) return;
      await new Promise<void>((resolve) => {
        whenIdle = resolve;
      });
    },
    takeWaiting() {
      const batch = Buffer.from(waiting);
      waiting = '';
      size.waiting = 0;
      return batch;
    },
  };
}

/** How many lines end behind a place in a batch. */
function countLines(batch: Buffer, start: number): number {
  let count = 0;
  for (let at = batch.indexOf(newline, start); at !== -1; at = batch.indexOf(newline, at + 1)) count += 1;
  return count;
}
