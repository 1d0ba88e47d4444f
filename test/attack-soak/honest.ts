import { Agent, request } from 'node:http';

/** One request of an honest client. */
export interface Sample {
  /** From the request's first byte to the response's last, ms. */
  readonly ms: number;
  /** The status, or why there was none. */
  readonly outcome: number | string;
  readonly what: string;
}

/** What an honest client does, one after the other. */
const work: readonly { method: string; path: string; body?: string; expected: number }[] = [
  { method: 'GET', path: '/machines/', expected: 200 },
  { method: 'GET', path: '/zones/', expected: 200 },
  { method: 'GET', path: '/users/?op=whoami', expected: 200 },
  { method: 'PUT', path: '/zones/default/', body: 'description=soak', expected: 200 },
  { method: 'GET', path: '/tags/', expected: 200 },
];

/**
 * A client with a key of its own that sends a request, reads the response, thinks for a moment, and goes on.
 *
 * @param isOver asked before each request
 */
export async function beHonest(
  port: number,
  key: string,
  thinkMs: number,
  isOver: () => boolean,
  tell: (sample: Sample) => void,
): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  for (let turn = 0; !isOver(); turn += 1) {
    const { method, path, body, expected } = work[turn % work.length] as (typeof work)[number];
    const started = performance.now();
    const outcome = await send(agent, port, key, method, path, body);
    tell({
      ms: performance.now() - started,
      outcome: outcome === expected ? 200 : outcome,
      what: `${method} ${path}`,
    });
    await new Promise((resolve) => setTimeout(resolve, thinkMs));
  }
  agent.destroy();
}

function send(
  agent: Agent,
  port: number,
  key: string,
  method: string,
  path: string,
  body: string | undefined,
): Promise<number | string> {
  return new Promise((resolve) => {
    const sent = request(
      {
        agent,
        port,
        method,
        path,
        headers: {
          Authorization: `Bearer ${key}`,
          ...(body !== undefined && { 'Content-Type': 'application/x-www-form-urlencoded' }),
        },
      },
      (response) => {
        response.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.name));
        response.on('end', () => resolve(response.statusCode ?? 0));
        response.resume();
      },
    );
    sent.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.name));
    sent.end(body);
  });
}
