import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { openBody, type BodyTimeouts, type BodyReader } from './request-body.ts';

/**
 * A request's body as a stream of its own. undici destroys the stream that it was given when MAAS answers early or
 * goes away; destroying an `IncomingMessage` closes the client's socket, and the client would never see the response.
 *
 * Nothing is read from the client before the stream is, and then no more than one piece ahead: while the request waits for a slot, or MAAS
 * takes no more, what waits is what Node lets wait in the request itself.
 */
export function detachedBody(request: IncomingMessage, timeouts?: BodyTimeouts): Readable {
  const body = new Readable({
    highWaterMark: 1,
    read() {
      reading.resume();
    },
    destroy(error, done) {
      reading.stop();
      request.resume();
      done(error);
    },
  });
  // While the request waits for a slot or for its retry nobody reads, and an error that nobody listens to ends the process.
  body.on('error', () => {});
  const reader: BodyReader = {
    onData(chunk) {
      if (!body.push(chunk)) reading.pause();
    },
    onEnd() {
      body.push(null);
    },
    onFailure(problem) {
      body.destroy(problem);
    },
  };
  const reading = openBody(request, reader, timeouts);
  return body;
}
