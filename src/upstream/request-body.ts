import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';

/** Whether a request has a body by its framing (RFC 9112 §6.3). */
export function hasBody(request: IncomingMessage): boolean {
  const length = request.headers['content-length'];
  return request.headers['transfer-encoding'] !== undefined || (length !== undefined && Number(length) > 0);
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
      request.off('data', onData).off('end', onEnd).off('close', onClose);
      request.resume();
      done(error);
    },
  });
  function onData(chunk: Buffer): void {
    if (!body.push(chunk)) request.pause();
  }
  function onEnd(): void {
    body.push(null);
  }
  function onClose(): void {
    if (!request.complete) body.destroy(new Error('the client went away while sending the body'));
  }
  request.on('data', onData).on('end', onEnd).on('close', onClose);
  return body;
}
