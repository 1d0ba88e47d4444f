// Plain @fastify/http-proxy, as in its README, with a header that signs.
import { randomBytes } from 'node:crypto';
import httpProxy from '@fastify/http-proxy';
import fastify from 'fastify';

const { PORT = '', ORIGIN = '', KEY = '' } = process.env;
const [consumer, token, secret] = KEY.split(':');
const app = fastify();
void app.register(httpProxy, {
  upstream: ORIGIN,
  replyOptions: {
    rewriteRequestHeaders: (_request, headers) => ({
      ...headers,
      authorization:
        `OAuth oauth_version="1.0", oauth_signature_method="PLAINTEXT", oauth_consumer_key="${consumer}", ` +
        `oauth_token="${token}", oauth_signature="%26${secret}", oauth_nonce="${randomBytes(16).toString('hex')}", ` +
        `oauth_timestamp="${Math.floor(Date.now() / 1000)}"`,
    }),
  },
});
await app.listen({ host: '127.0.0.1', port: Number(PORT) });
