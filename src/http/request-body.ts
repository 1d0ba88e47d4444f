import type { IncomingMessage } from 'node:http';
import { Problem } from '../problem.ts';

/** Emitted on a request whose body turned out to be malformed. */
const malformed: unique symbol = Symbol('malformed body');

/**
 * Notifies the reader of a request's body that the rest cannot be read.
 *
 * @returns whether there is a reader
 */
export function breakBody(request: IncomingMessage): boolean {
  broken.add(request);
  return request.emit(malformed);
}

/** Requests whose body turned out to be malformed, for later readers. */
const broken = new WeakSet<IncomingMessage>();

/** How many bytes of each request's body have been read. */
const received = new WeakMap<IncomingMessage, number>();

/** How many bytes of a request's body have been read. */
export function receivedBytes(request: IncomingMessage): number {
  return received.get(request) ?? 0;
}

/** Whether a request has a body by its framing (RFC 9112 §6.3). */
export function hasBody(request: IncomingMessage): boolean {
  const length = request.headers['content-length'];
  return request.headers['transfer-encoding'] !== undefined || (length !== undefined && Number(length) > 0);
}

/**
 * Whether more of a request is to come. Without a body it is complete after its headers, even if Node has not noted
 * that yet.
 */
export function isArriving(request: IncomingMessage): boolean {
  return !request.complete && hasBody(request);
}

/**
 * How long a client may pause within a body, and how long the whole body may take, ms. Time in which the proxy does not
 * read, because MAAS reads slowly, does not count.
 */
const idleTimeoutMs: BodyTimeouts = { pause: 60_000, total: 600_000 };

/** How long a client may take over a body, ms. */
export interface BodyTimeouts {
  readonly pause: number;
  readonly total: number;
}

/** The reader of a body. */
export interface BodyReader {
  onData(chunk: Buffer): void;
  onEnd(): void;
  onFailure(problem: Problem): void;
}

/** A body that is read, or is going to be. */
export interface BodyReading {
  /** Starts or resumes reading. Before that, only a disconnect or malformed input is noticed. */
  resume(): void;
  /** Pauses reading. */
  pause(): void;
  /** Stops for good: the reader is not called again. */
  stop(): void;
}

/** Prepares to read a body. It fails if the client disconnects, pauses for too long, or takes too long in total. */
export function openBody(
  request: IncomingMessage,
  { onData, onEnd, onFailure }: BodyReader,
  { pause, total }: BodyTimeouts = idleTimeoutMs,
): BodyReading {
  let pauseTimer: NodeJS.Timeout | undefined;
  let totalTimer: NodeJS.Timeout | undefined;
  let pausedAt: number | undefined;
  /** The time to add to the total, ms. */
  let pausedMs = 0;
  const onPause = (): void => {
    if (pausedAt === undefined) onFailure(tooSlow('Nothing more of the body has come for 60 seconds'));
    else pauseTimer?.refresh();
  };
  const onTotal = (): void => {
    if (pausedAt !== undefined) notePause();
    if (pausedMs === 0) onFailure(tooSlow('The body has not arrived whole within 10 minutes'));
    else totalTimer = setTimeout(onTotal, pausedMs);
    pausedMs = 0;
  };
  const notePause = (): void => {
    const now = performance.now();
    pausedMs += now - (pausedAt ?? now);
    pausedAt = now;
  };
  const onChunk = (chunk: Buffer): void => {
    pauseTimer?.refresh();
    received.set(request, receivedBytes(request) + chunk.length);
    onData(chunk);
  };
  const onClose = (): void => {
    if (!request.complete) {
      onFailure(new Problem('client-gone', 'The client closed the connection before its request was complete.'));
    }
  };
  const onMalformed = (): void => {
    onFailure(new Problem('malformed-request', 'The body is not valid HTTP/1.1: its chunks are malformed.'));
  };
  const stop = (): void => {
    clearTimeout(pauseTimer);
    clearTimeout(totalTimer);
    request.off('data', onChunk).off('end', onEnd).off('end', stop).off('close', onClose).off(malformed, onMalformed);
  };
  request.on('end', onEnd).once('end', stop).on('close', onClose).on(malformed, onMalformed);
  // Events from before this reader.
  if (broken.has(request)) queueMicrotask(onMalformed);
  else if (request.destroyed) queueMicrotask(onClose);
  return {
    stop,
    resume() {
      if (pauseTimer === undefined) {
        pauseTimer = setTimeout(onPause, pause);
        totalTimer = setTimeout(onTotal, total);
        request.on('data', onChunk);
      } else if (pausedAt !== undefined) {
        notePause();
        pauseTimer.refresh();
      }
      pausedAt = undefined;
      request.resume();
    },
    pause() {
      pausedAt ??= performance.now();
      request.pause();
    },
  };
}

function tooSlow(what: string): Problem {
  return new Problem('request-timeout', `${what}; send the request again.`);
}
