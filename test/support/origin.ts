import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';

/** A request as the server in MAAS's place received it. */
export interface OriginRequest {
  readonly method: string;
  readonly target: string;
  readonly rawHeaders: readonly string[];
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

/** A server in MAAS's place that responds as a test wants. */
export interface Origin {
  readonly url: string;
  readonly server: Server;
  readonly received: OriginRequest[];
}

/**
 * Starts the server, which stops with the test.
 *
 * @param handler sends the response; by default 200 with the text `ok`. It is called after the body of the request was
 *   read.
 */
export async function startOrigin(
  t: TestContext,
  handler: RequestListener = (_request, response) => response.end('ok'),
): Promise<Origin> {
  const received: OriginRequest[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { method = '', url = '', rawHeaders, headers } = request;
      received.push({ method, target: url, rawHeaders, headers, body: Buffer.concat(chunks) });
      handler(request, response);
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server, received };
}
