import type { Dispatcher } from 'undici';
import type { Exchange } from '../exchange.ts';
import type { Signer } from '../maas/signature.ts';

/** A request on its way through the chain, and the exchange it belongs to, unless the proxy asks on its own account. */
export interface UpstreamRequest extends Dispatcher.DispatchOptions {
  readonly exchange?: Exchange;
  /** Signs it in place of the client's signer and the shared one. */
  readonly signer?: Signer;
}

/** What a link calls on the one above it: undici's methods, and one of ours. */
export interface UpstreamHandler extends Dispatcher.DispatchHandler {
  /**
   * The request waits, and nothing of it is under way; `abort` ends the wait. `onConnect` follows where it does not end so. A
   * link that does not hand the `abort` of `onConnect` on as it is must not hand on this one either.
   *
   * @param waitFor has the request wait in the turns of a further client too, where it waits in line
   */
  onWait?(abort: (error?: Error) => void, waitFor?: (client: string) => void): void;
}

/**
 * A handler that passes everything on to the next one. A link of the chain extends it by what it wants to see; the
 * methods are those of undici 7 that carry raw header bytes.
 */
export class ForwardingHandler implements UpstreamHandler {
  protected readonly next: UpstreamHandler;

  constructor(next: UpstreamHandler) {
    this.next = next;
  }

  onWait(abort: (error?: Error) => void, waitFor?: (client: string) => void): void {
    this.next.onWait?.(abort, waitFor);
  }

  onConnect(abort: (error?: Error) => void): void {
    this.next.onConnect?.(abort);
  }

  onHeaders(status: number, rawHeaders: Buffer[], resume: () => void, statusText: string): boolean {
    return this.next.onHeaders?.(status, rawHeaders, resume, statusText) ?? true;
  }

  onData(chunk: Buffer): boolean {
    return this.next.onData?.(chunk) ?? true;
  }

  onComplete(trailers: string[] | null): void {
    this.next.onComplete?.(trailers);
  }

  onError(error: Error): void {
    this.next.onError?.(error);
  }
}

/** The value of a header field in an answer's raw bytes, or `undefined`. */
export function rawHeader(rawHeaders: readonly Buffer[], name: string): string | undefined {
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const field = rawHeaders[index] as Buffer;
    if (field.length === name.length && field.toString('latin1').toLowerCase() === name) {
      // undici leaves the white space behind a value, which is not part of it (RFC 9112 §5).
      return (rawHeaders[index + 1] as Buffer).toString('latin1').trimEnd();
    }
  }
  return undefined;
}

/** Whether a request can be sent again: it has no body, one in memory, or one of which nothing was read yet. */
export function isReplayable({ body }: Dispatcher.DispatchOptions): boolean {
  if (body === null || body === undefined || typeof body === 'string' || Buffer.isBuffer(body)) return true;
  return 'readableDidRead' in body && body.readableDidRead === false && !body.destroyed;
}
