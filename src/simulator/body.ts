// Reads a request body: hashes it, keeps its beginning for the log, and the rest only if an operation needs it.
import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

const LOGGED_BYTES = 2 ** 20;

export interface Body {
  /** 'aborted': the client disconnected before the end; 'too-large': over the limit of MAAS's nginx. */
  outcome: 'complete' | 'aborted' | 'too-large';
  length: number;
  sha256: string;
  /** The first MiB. */
  beginning: Buffer;
  /** The buffered body; undefined when it was streamed. */
  content: Buffer | undefined;
}

/** With `onChunk` nothing is buffered, so memory stays constant for bodies of any size. `limit` in bytes. */
export async function readBody(
  message: IncomingMessage,
  limit: number,
  onChunk?: (chunk: Buffer) => void,
): Promise<Body> {
  const hash = createHash('sha256');
  const chunks: Buffer[] = [];
  let length = 0;
  let kept = 0;

  function result(outcome: Body['outcome']): Body {
    const content = Buffer.concat(chunks);
    // A copy; a slice of a long body would keep all of it in memory.
    const beginning = content.length > LOGGED_BYTES ? Buffer.from(content.subarray(0, LOGGED_BYTES)) : content;
    return { outcome, length, sha256: hash.digest('hex'), beginning, content: onChunk ? undefined : content };
  }

  // nginx refuses a Content-Length above the limit immediately, without waiting for the body.
  if (Number(message.headers['content-length'] ?? 0) > limit) return result('too-large');
  return new Promise((resolve) => {
    let settled = false;
    function settle(outcome: Body['outcome']): void {
      if (settled) return;
      settled = true;
      resolve(result(outcome));
    }
    message.on('data', (chunk: Buffer) => {
      if (settled) return;
      hash.update(chunk);
      length += chunk.length;
      onChunk?.(chunk);
      if (!onChunk || kept < LOGGED_BYTES) {
        chunks.push(chunk);
        kept += chunk.length;
      }
      if (length > limit) settle('too-large');
    });
    message.once('end', () => settle('complete'));
    message.once('close', () => settle('aborted'));
    // The client has reset the connection; 'close' follows.
    message.once('error', () => {});
  });
}
