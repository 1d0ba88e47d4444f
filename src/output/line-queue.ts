/** Where lines are written: a file, a pipe, a terminal. */
export interface LineSink {
  /**
   * Writes a batch from an offset; writing a part of it is enough. A sink that is full for the moment waits here, so
   * that an error means that these bytes cannot be written.
   *
   * @param done may be called before this returns
   */
  write(batch: Buffer, start: number, done: (error: NodeJS.ErrnoException | null, written: number) => void): void;
  /**
   * Called between two batches: switches to another file if one is due.
   *
   * @returns whether the last line there is incomplete; `undefined` if there is no other file
   */
  change?(): boolean | undefined;
}

/** How a queue of lines behaves. */
export interface LineQueueOptions {
  /** How many bytes may wait, including those that are being written: a sink that hangs must not fill the memory. */
  readonly maxBytes: number;
  /** Whether the sink's last line is incomplete. */
  readonly isTorn?: boolean;
  /** When a line is written if no other waits; immediately by default. */
  readonly schedule?: (write: () => void) => void;
  /** The line, with its newline, that reports lost lines; it is put before the first line that fits again. */
  readonly notice?: (lost: number, code: string) => string;
  /** So many lines are lost. @param code the system's, such as `ENOSPC`; `EBUSY` if the queue was full */
  onLost(lines: number, code: string): void;
  /** Lines can be written again. */
  onResumed?(): void;
}

/** Lines on their way to a sink. */
export interface LineQueue {
  /** Queues a line, with its newline. */
  add(line: string): void;
  /** Writes the queued lines, unless a write is in progress. */
  pump(): void;
  /** Accepts no further lines. @returns resolves when the queue is empty */
  close(): Promise<void>;
  /** Removes and returns the queued lines, without the batch that is being written: for a process that exits. */
  takeWaiting(): Buffer;
}

const newline = 10;

/**
 * Creates a queue in front of a sink. Lines that come together are written together. If the sink fails or hangs, the
 * lines that do not fit are lost, but the caller never waits. An incomplete line is ended before the next one.
 */
export function createLineQueue(sink: LineSink, options: LineQueueOptions): LineQueue {
  const { maxBytes, schedule, notice, onLost, onResumed } = options;
  let isTorn = options.isTorn === true;
  let waiting = '';
  /** The bytes that wait, and those that are being written. */
  const size = { waiting: 0, writing: 0 };
  /** The lines that were lost since the last notice, and why. */
  let lost = 0;
  let why = '';
  /** How many lost lines the waiting notice reports, and the one that is being written. */
  const announced = { waiting: 0, writing: 0 };
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
    // Once a line is lost, later lines are lost too until the queue is written: the notice has one place, at the front.
    isFull ||= size.waiting + size.writing + bytes > maxBytes;
    if (isClosed || isFull) return lose(1, 'EBUSY');
    if (lost > 0 && notice !== undefined) {
      const text = notice(lost, why);
      announced.waiting += lost;
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
    announced.writing = announced.waiting;
    announced.waiting = 0;
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
        // Only a part was written; writing the rest yields the error.
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
      // An incomplete line is ended with the next line, not in an endless loop.
      if (waiting !== '' || changed === true) pump();
      else whenIdle?.();
    });
  }

  function fail(batch: Buffer, start: number, code: string): void {
    // The leading newline ends an earlier line.
    const first = isTorn ? 1 : 0;
    const from = Math.max(start, first);
    let lines = countLines(batch, from);
    if (start > 0) isTorn = batch[start - 1] !== newline;
    if (announced.writing > 0 && from <= batch.indexOf(newline, first)) {
      // The notice is lost too, so the next one reports its lines again.
      lines -= 1;
      lost += announced.writing;
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

/** How many lines end after an offset in a batch. */
function countLines(batch: Buffer, start: number): number {
  let count = 0;
  for (let at = batch.indexOf(newline, start); at !== -1; at = batch.indexOf(newline, at + 1)) count += 1;
  return count;
}
