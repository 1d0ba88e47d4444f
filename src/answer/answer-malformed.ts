import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import type { Logger } from 'pino';
import { Problem } from '../problem.ts';

/**
 * Answers what is not HTTP enough to become a request (RFC 9112 §2.2), and closes the connection: after it nobody knows
 * where the next request would begin.
 */
export function answerMalformed(log: Logger): (error: NodeJS.ErrnoException, socket: Socket) => void {
  return (error, socket) => {
    if (error.code === 'ECONNRESET' || !socket.writable) {
      socket.destroy();
      return;
    }
    const problem = toProblem(error.code ?? '');
    const requestId = randomBytes(8).toString('hex');
    const document = problem.document(requestId);
    const body = `${JSON.stringify(document)}\n`;
    log.info(
      {
        requestId,
        status: problem.status,
        peer: socket.remoteAddress ?? 'unix',
        code: problem.code,
        cause: error.code,
      },
      'no request',
    );
    socket.end(
      `HTTP/1.1 ${problem.status} ${reasons[problem.status] ?? 'Bad Request'}\r\n` +
        'Content-Type: application/problem+json\r\n' +
        `Content-Length: ${Buffer.byteLength(body)}\r\n` +
        `Proxy-Status: ${problem.proxyStatus}\r\n` +
        `X-Request-Id: ${requestId}\r\n` +
        'Connection: close\r\n' +
        `\r\n${body}`,
    );
  };
}

const reasons: Readonly<Record<number, string>> = { 408: 'Request Timeout', 431: 'Request Header Fields Too Large' };

function toProblem(code: string): Problem {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return new Problem('headers-too-large', 'Request line and headers together must stay below 64 KiB.');
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new Problem('request-timeout', 'The request did not arrive in time; send it again.');
    default:
      return new Problem('malformed-request', 'This is not a valid HTTP/1.1 request.');
  }
}
