import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { ConnectionError } from 'fastify';
import type { Logger } from 'pino';
import { breakBody } from '../http/request-body.ts';
import { isForgedCertificate, untrustedCertificate } from '../inbound/client-certificate.ts';
import { headersTooLarge } from '../inbound/message.ts';
import { connectEntry, newRequestId, requestId, type EntrySink } from '../access-log/access-log.ts';
import type { LastExchanges } from '../inbound/pipelining.ts';
import { parserFault } from '../http/parser-fault.ts';
import { peerAddress } from '../http/peer.ts';
import { Problem } from '../problem.ts';
import { serializeHead } from '../http/serialize-response.ts';

/**
 * Responds to input that Node's parser rejects (RFC 9112 §2.2), and closes the connection: nobody knows where a next
 * request would begin. Responses to good requests before it go first (RFC 9112 §9.3.2).
 */
export function rejectMalformedInput(
  log: Logger,
  last: LastExchanges,
): (error: ConnectionError, socket: Socket) => void {
  return (error, socket) => {
    if (error.code === 'ECONNRESET' || !socket.writable) {
      socket.destroy();
      return;
    }
    const before = last.get(socket);
    if (before === undefined && isForgedCertificate(socket, error.code)) {
      const problem = untrustedCertificate(String(socket.authorizationError));
      rejectAndClose(log, socket, problem, String(problem.cause));
    } else if (before === undefined || before.hasEnded()) {
      rejectAndClose(log, socket, toProblem(error), causeOf(error));
    } else {
      before.connection.mustClose = true;
      if (!before.request.complete) {
        // The client has disconnected in the middle of the body; RFC 9112 §8 requires no response.
        if (error.code === 'HPE_INVALID_EOF_STATE') return void socket.destroy();
        // The body of that request is malformed; otherwise its response comes first.
        if (breakBody(before.request)) return;
      }
      before.onEnd(() => {
        if (!socket.writable) return; // it is being closed after that response
        // Input after a request with "close" is ignored (RFC 9112 §9.6).
        if (error.code === 'HPE_CLOSED_CONNECTION') socket.end();
        else rejectAndClose(log, socket, toProblem(error), causeOf(error));
      });
    }
  };
}

/** Refuses a tunnel. Node emits CONNECT as an event of its own. */
export function rejectConnect(sink: EntrySink): (request: IncomingMessage, socket: Duplex) => void {
  return (request, socket) => {
    const problem = new Problem('method-not-forwarded', 'This is no proxy for tunnels; use another method.');
    const id = requestId(request);
    sink(connectEntry(request, problem, id, close(socket, problem, id)));
  };
}

/**
 * Sends a problem on a connection for which Node has no request, and closes it. @param cause as a clause, for the log
 */
export function rejectAndClose(log: Logger, socket: Socket, problem: Problem, cause: string): void {
  const id = newRequestId();
  const { status, code } = problem;
  log.warn({ requestId: id, status, peer: peerAddress(socket) ?? 'unix', code, cause }, 'no request');
  close(socket, problem, id);
}

/** Sends a problem as the last response of a connection. @returns the size of its document, bytes */
function close(socket: Duplex, problem: Problem, id: string): number {
  const { status, challenge } = problem;
  const body = `${JSON.stringify(problem.document(id))}\n`;
  const bytes = Buffer.byteLength(body);
  const fields = ['Content-Type', 'application/problem+json', 'Content-Length', String(bytes)];
  if (status === 401) fields.push('WWW-Authenticate', challenge);
  fields.push('Date', new Date().toUTCString(), 'Proxy-Status', problem.proxyStatus, 'X-Request-Id', id);
  fields.push('Connection', 'close');
  // Further input of the client is discarded.
  socket.end(serializeHead(status, fields) + body, () => socket.destroy());
  return bytes;
}

/** The bytes that were not a request. Fastify's types say that they are JSON; they are a Buffer. */
function bytesOf({ rawPacket }: ConnectionError): Buffer | undefined {
  return Buffer.isBuffer(rawPacket) ? rawPacket : undefined;
}

/** Whether they begin a TLS handshake, as `curl https://…` sends it. */
function isTls(error: ConnectionError): boolean {
  return bytesOf(error)?.[0] === 0x16;
}

/** What is wrong, for the log. */
function causeOf(error: ConnectionError): string {
  if (isTls(error)) return 'https, and this port speaks plain http';
  return parserFault(error.code) ?? 'it is not HTTP/1.1';
}

function toProblem(error: ConnectionError): Problem {
  const packet = bytesOf(error)?.toString('latin1') ?? '';
  switch (error.code) {
    case 'HPE_HEADER_OVERFLOW':
      return headersTooLarge();
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new Problem('request-timeout', 'The request did not arrive in time; send it again.');
    case 'HPE_INVALID_METHOD':
      if (isTls(error)) return new Problem('malformed-request', 'This port speaks plain http, not https.');
      return /^[!#$%&'*+.^_`|~0-9A-Za-z-]+ \S+ HTTP\/1\.[01]\r?\n/.test(packet)
        ? new Problem('method-unknown', 'This method is not known; use one that HTTP has.')
        : new Problem('malformed-request', 'This is not a valid HTTP/1.1 request.');
    default:
      return new Problem('malformed-request', 'This is not a valid HTTP/1.1 request.');
  }
}
