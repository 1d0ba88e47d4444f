import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { passes } from './garbage.ts';
import { Problem } from './problem.ts';

/** Emitted on a request whose body turned out to be malformed. */
const malformed: unique symbol = Symbol('malformed body');

/**
 * Tells whoever reads a request's body that the rest of it cannot be read.
 *
 * @returns whether anybody was reading
 */
export function breakBody(request: IncomingMessage): boolean {
  return request.emit(malformed);
}

/** How much of each request's body has been read, bytes. */
const received = new WeakMap<IncomingMessage, number>();

/** How many bytes of a request's body have been read. */
export function receivedBytes(request: IncomingMessage): number {
  return received.get(request) ?? 0;
}

/** How long a client may send nothing in the middle of a body, ms. */
const patience = 60_000;

/** Whether a request has a body by its framing (RFC 9112 §6.3). */
export function hasBody(request: IncomingMessage): boolean {
  const length = request.headers['content-length'];
  return request.headers['transfer-encoding'] !== undefined || (length !== undefined && Number(length) > 0);
}

/** Whether more of a request is to come. A head without a body is all of it, though Node may not have noted that yet. */
export function isArriving(request: IncomingMessage): boolean {
  return !request.complete && hasBody(request);
}

/**
 * Reads a request's body whole.
 *
 * @param limit bytes
 * @param refusal asked for each piece, with its bytes and those of all so far: why it is not to be held
 * @throws {Problem} when it is larger, is not to be held, stops for a minute, or the client leaves
 */
export function readBody(
  request: IncomingMessage,
  limit: number,
  refusal: (bytes: number, size: number) => Problem | undefined,
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    if (Number(request.headers['content-length'] ?? 0) > limit) {
      reject(tooLarge());
      return;
    }
    const stop = watchBody(request, {
      onData(chunk) {
        size += chunk.length;
        const problem = size > limit ? tooLarge() : refusal(chunk.length, size);
        if (problem === undefined) chunks.push(chunk);
        else fail(problem);
      },
      onEnd() {
        stop();
        resolve(Buffer.concat(chunks, size));
      },
      onFailure: fail,
    });
    function fail(problem: Problem): void {
      stop();
      reject(problem);
    }
  });
}

/**
 * A request's body as a stream of its own. undici destroys the stream that it was given when MAAS answers early or
 * goes away; destroying an `IncomingMessage` closes the client's socket, and the client would never see the answer.
 */
export function detachedBody(request: IncomingMessage): Readable {
  const body = new Readable({
    highWaterMark: 256 * 1024,
    read() {
      request.resume();
    },
    destroy(error, done) {
      stop();
      request.resume();
      done(error);
    },
  });
  // While the request waits for a place or for its retry nobody reads, and an error that nobody listens to ends the process.
  body.on('error', () => {});
  const stop = watchBody(request, {
    onData(chunk) {
      if (!body.push(chunk)) request.pause();
    },
    onEnd() {
      body.push(null);
    },
    onFailure(problem) {
      body.destroy(problem);
    },
  });
  return body;
}

interface BodyListener {
  onData(chunk: Buffer): void;
  onEnd(): void;
  onFailure(problem: Problem): void;
}

/** Listens to a body, and for its end, its stopping half-way, and the client's leaving. @returns stops listening */
function watchBody(request: IncomingMessage, { onData, onEnd, onFailure }: BodyListener): () => void {
  const timer = setTimeout(() => {
    // A body that waits for MAAS has not stopped.
    if (request.isPaused()) timer.refresh();
    else
      onFailure(
        new Problem('request-timeout', 'Nothing more of the body has come for 60 seconds; send the request again.'),
      );
  }, patience);
  const onChunk = (chunk: Buffer): void => {
    timer.refresh();
    received.set(request, receivedBytes(request) + chunk.length);
    passes(chunk.length);
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
    clearTimeout(timer);
    request.off('data', onChunk).off('end', onEnd).off('end', stop).off('close', onClose).off(malformed, onMalformed);
  };
  request.on('data', onChunk).on('end', onEnd).once('end', stop).on('close', onClose).on(malformed, onMalformed);
  return stop;
}

function tooLarge(): Problem {
  return new Problem('body-too-large', 'MAAS takes no body above 10 MB, and this one is larger.');
}
