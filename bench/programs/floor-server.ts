// The bare floor: the cost of a proxy on Node that signs and does nothing else. It is a baseline, and not safe to use.
import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { Pool } from 'undici';

const { PORT = '', ORIGIN = '', KEY = '' } = process.env;
const [consumer, token, secret] = KEY.split(':');
const start =
  `OAuth oauth_version="1.0", oauth_signature_method="PLAINTEXT", oauth_consumer_key="${consumer}", ` +
  `oauth_token="${token}", oauth_signature="%26${secret}", oauth_nonce="`;
const pool = new Pool(ORIGIN, { pipelining: 1 });

createServer((request, response) => {
  const { method = 'GET', url = '/', rawHeaders } = request;
  const headers: string[] = [];
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] as string;
    if (!/^(?:host|connection)$/i.test(name)) headers.push(name, rawHeaders[index + 1] as string);
  }
  const nonce = randomBytes(16).toString('hex');
  headers.push('Authorization', `${start}${nonce}", oauth_timestamp="${Math.floor(Date.now() / 1000)}"`);
  const body = method === 'GET' || method === 'HEAD' ? null : request;
  pool.dispatch(
    { path: url, method, headers, body },
    {
      onRequestStart() {},
      onResponseStart(controller, status) {
        const raw = controller.rawHeaders as (Buffer | string)[];
        const head: string[] = [];
        for (let index = 0; index < raw.length; index += 2) {
          const name = (raw[index] as Buffer | string).toString('latin1');
          if (!/^(?:connection|transfer-encoding|keep-alive)$/i.test(name))
            head.push(name, (raw[index + 1] as Buffer | string).toString('latin1'));
        }
        response.writeHead(status, head);
      },
      onResponseData(controller, chunk) {
        if (response.write(chunk)) return;
        controller.pause();
        response.once('drain', () => controller.resume());
      },
      onResponseEnd() {
        response.end();
      },
      onResponseError() {
        response.destroy();
      },
    },
  );
}).listen(Number(PORT), '127.0.0.1');
