// Sends a response, or as much of it as a planned fault allows.
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import type { SimulatedResponse } from './response.ts';
import type { Fault } from './faults.ts';

export interface Wire {
  response: ServerResponse;
  /** Aborts when the connection is closed, or the response is complete. */
  over: AbortSignal;
  keepAlive: boolean;
  /** Unix time in milliseconds for the Date header. */
  now: number;
  tls: boolean;
}

const lengthOf = ({ body }: SimulatedResponse): number => body.length;

function writeHead({ response, keepAlive, now, tls }: Wire, simulated: SimulatedResponse): void {
  const headers: string[] = [
    'Server',
    'nginx/1.22.1',
    'Date',
    new Date(now).toUTCString(),
    ...simulated.headers.flat(),
  ];
  if (!simulated.chunked) headers.push('Content-Length', `${lengthOf(simulated)}`);
  // Set here, because Node would add a Keep-Alive header, which MAAS's nginx does not send.
  headers.push('Connection', keepAlive ? 'keep-alive' : 'close');
  if (tls) headers.push('X-Content-Type-Options', 'nosniff', 'Strict-Transport-Security', 'max-age=63072000');
  response.sendDate = false;
  response.writeHead(simulated.status, headers);
}

/** Resolves when the operating system has the response, or the connection is closed. */
export async function send(wire: Wire, simulated: SimulatedResponse, fault?: Fault): Promise<void> {
  const { response, over } = wire;
  if (over.aborted) return;
  writeHead(wire, simulated);
  if (fault && (fault.kind === 'cut' || fault.kind === 'stall')) {
    await writePart(wire, simulated, fault.afterBytes ?? Math.floor(Math.min(lengthOf(simulated), 2 ** 17) / 2));
    if (fault.kind === 'cut') response.socket?.destroy();
    await ended(over);
    return;
  }
  if (Buffer.isBuffer(simulated.body)) {
    response.end(simulated.body);
    await ended(over);
  } else {
    // The client disconnected; the log has it.
    await pipeline(simulated.body.open(), response).catch(() => {});
  }
  if (fault?.kind === 'drop-idle') {
    const { socket } = response.req;
    const gone = once(socket, 'close');
    socket.destroy();
    await gone;
  }
}

/** The head and the first bytes, never all of them. */
async function writePart({ response }: Wire, simulated: SimulatedResponse, bytes: number): Promise<void> {
  let left = Math.min(bytes, Math.max(0, lengthOf(simulated) - 1));
  response.flushHeaders();
  for await (const chunk of Buffer.isBuffer(simulated.body) ? [simulated.body] : simulated.body.open()) {
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

/**
 * nginx's refusal of a body that is too large: it responds immediately, and then reads on so that the client can read
 * the response.
 */
export async function refuseBody(wire: Wire, simulated: SimulatedResponse): Promise<void> {
  const { response, over } = wire;
  writeHead({ ...wire, keepAlive: false }, simulated);
  if (Buffer.isBuffer(simulated.body)) response.write(simulated.body);
  const request = response.req;
  request.resume();
  if (!request.complete) {
    const read = new Promise<void>((resolve) => void request.once('end', () => resolve()));
    await Promise.race([read, ended(over)]);
  }
  response.end();
}
