import type { IncomingMessage } from 'node:http';
import { ByteBlocks, sizeOf } from './byte-blocks.ts';
import { openBody, type BodyTimeouts, type BodyReader } from './request-body.ts';
import { Problem } from '../problem.ts';

/**
 * Buffers a request's body, in one or several pieces.
 *
 * @param limit bytes
 * @param hold called with the memory taken so far, bytes, whenever it changes; returns why it may not be taken
 * @throws {Problem} if the body is too large, may not be held, pauses for a minute, takes ten, or the client
 *   disconnects
 */
export function readBody(
  request: IncomingMessage,
  limit: number,
  hold: (bytes: number) => Problem | undefined,
  timeouts?: BodyTimeouts,
): Promise<readonly Buffer[]> {
  return new Promise((resolve, reject) => {
    if (Number(request.headers['content-length'] ?? 0) > limit) {
      reject(tooLarge());
      return;
    }
    const blocks = new ByteBlocks();
    const reader: BodyReader = {
      onData(chunk) {
        if (blocks.size + chunk.length > limit) {
          fail(tooLarge());
          return;
        }
        const before = blocks.capacity;
        blocks.add(chunk);
        const problem = blocks.capacity === before ? undefined : hold(blocks.capacity);
        if (problem !== undefined) fail(problem);
      },
      onEnd() {
        reading.stop();
        const body = blocks.take();
        hold(sizeOf(body));
        resolve(body);
      },
      onFailure: fail,
    };
    const reading = openBody(request, reader, timeouts);
    reading.resume();
    function fail(problem: Problem): void {
      reading.stop();
      reject(problem);
    }
  });
}

function tooLarge(): Problem {
  return new Problem('body-too-large', 'MAAS takes no body above 10 MB, and this one is larger.');
}
