import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { openBody, type BodyTimeouts, type BodyReader } from './request-body.ts';

/**
 * A request's body as a stream of its own. undici destroys the stream that it gets when MAAS responds early or
 * disconnects; destroying an `IncomingMessage` closes the client's socket, and the client would never see the response.
 *
 * Nothing is read from the client before this stream is read, and then at most one piece ahead. While the request waits
 * for a slot, or MAAS reads slowly, no more waits than Node lets wait in the request itself.
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
  // While the request waits for a slot or a retry, nothing reads this stream, and an error without a listener would end
  // the process.
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
