// Writes an answer to the wire, or as much of it as a planned fault lets through.
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import type { SimulatedResponse } from './response.ts';
import type { Fault } from './faults.ts';

export interface Wire {
  response: ServerResponse;
  /** Aborts when the connection or the answer is over. */
  over: AbortSignal;
  keepAlive: boolean;
  /** Unix time in milliseconds for the Date header. */
  now: number;
  tls: boolean;
}

const lengthOf = ({ body }: SimulatedResponse): number => body.length;

function writeHead({ response, keepAlive, now, tls }: Wire, answer: SimulatedResponse): void {
  const headers: string[] = ['Server', 'nginx/1.22.1', 'Date', new Date(now).toUTCString(), ...answer.headers.flat()];
  if (!answer.chunked) headers.push('Content-Length', `${lengthOf(answer)}`);
  // Written out, because Node would add a Keep-Alive header, which MAAS's nginx does not send.
  headers.push('Connection', keepAlive ? 'keep-alive' : 'close');
  if (tls) headers.push('X-Content-Type-Options', 'nosniff', 'Strict-Transport-Security', 'max-age=63072000');
  response.sendDate = false;
  response.writeHead(answer.status, headers);
}

/** Resolves when the answer is with the operating system, or the connection is gone. */
export async function send(wire: Wire, answer: SimulatedResponse, fault?: Fault): Promise<void> {
  const { response, over } = wire;
  if (over.aborted) return;
  writeHead(wire, answer);
  if (fault && (fault.kind === 'cut' || fault.kind === 'stall')) {
    await writePart(wire, answer, fault.afterBytes ?? Math.floor(Math.min(lengthOf(answer), 2 ** 17) / 2));
    if (fault.kind === 'cut') response.socket?.destroy();
    await ended(over);
    return;
  }
  if (Buffer.isBuffer(answer.body)) {
    response.end(answer.body);
    await ended(over);
  } else {
    // Broken off by the client: nothing to do about it, the log has it.
    await pipeline(answer.body.open(), response).catch(() => {});
  }
  if (fault?.kind === 'drop-idle') {
    const { socket } = response.req;
    const gone = once(socket, 'close');
    socket.destroy();
    await gone;
  }
}

/** The head and the first bytes, never all of them. */
async function writePart({ response }: Wire, answer: SimulatedResponse, bytes: number): Promise<void> {
  let left = Math.min(bytes, Math.max(0, lengthOf(answer) - 1));
  response.flushHeaders();
  for await (const chunk of Buffer.isBuffer(answer.body) ? [answer.body] : answer.body.open()) {
    const part = (chunk as Buffer).subarray(0, left);
    left -= part.length;
    if (part.length > 0) await new Promise<void>((resolve) => void response.write(part, () => resolve()));
    if (left === 0) return;
  }
}

/** Resolves when the signal aborts. */
export async function ended(over: AbortSignal): Promise<void> {
  if (over.aborted) return;
  await new Promise<void>((resolve) => over.addEventListener('abort', () => resolve(), { once: true }));
}

/** nginx's refusal of a body that is too large: it answers at once, and reads on for a while so that it can be read. */
export async function refuseBody(wire: Wire, answer: SimulatedResponse): Promise<void> {
  const { response, over } = wire;
  writeHead({ ...wire, keepAlive: false }, answer);
  if (Buffer.isBuffer(answer.body)) response.write(answer.body);
  const request = response.req;
  request.resume();
  if (!request.complete) {
    const read = new Promise<void>((resolve) => void request.once('end', () => resolve()));
    await Promise.race([read, ended(over)]);
  }
  response.end();
}
