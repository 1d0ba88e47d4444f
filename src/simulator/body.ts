// Takes a request body in: hashed whole, its beginning kept for the log, the rest kept only if an operation wants it.
import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

const LOGGED_BYTES = 2 ** 20;

export interface Body {
  /** 'cut': the client went away first; 'too-large': over the limit, as MAAS's nginx sees it. */
  outcome: 'whole' | 'cut' | 'too-large';
  length: number;
  sha256: string;
  /** The first MiB. */
  beginning: Buffer;
  /** Everything, or undefined when it was streamed. */
  content: Buffer | undefined;
}

/** With `onChunk` nothing is collected: constant memory for bodies of any size. `limit` in bytes. */
export async function takeBody(
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
    // A copy of a long one, or the log would keep all of it in memory.
    const beginning = content.length > LOGGED_BYTES ? Buffer.from(content.subarray(0, LOGGED_BYTES)) : content;
    return { outcome, length, sha256: hash.digest('hex'), beginning, content: onChunk ? undefined : content };
  }

  // nginx refuses an announced length at once, without waiting for the body.
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
    message.once('end', () => settle('whole'));
    message.once('close', () => settle('cut'));
    // A reset by the client: 'close' follows.
    message.once('error', () => {});
  });
}
