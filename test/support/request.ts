import { request } from 'node:http';

/** An answer, read whole. */
export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly rawHeaders: readonly string[];
  readonly body: Buffer;
  /** The body as JSON: the problem document where the proxy has answered by itself. */
  json(): Record<string, unknown>;
}

/** One request with exactly these headers, on a connection of its own; `fetch` would refuse several of them. */
export function send(
  url: string,
  {
    method = 'GET',
    headers = {},
    body,
  }: { method?: string; headers?: Record<string, string>; body?: Buffer | string } = {},
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { method, headers, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const whole = Buffer.concat(chunks);
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          rawHeaders: response.rawHeaders,
          body: whole,
          json: () => JSON.parse(whole.toString()) as Record<string, unknown>,
        });
      });
    });
    sent.on('error', reject);
    sent.end(body);
  });
}
