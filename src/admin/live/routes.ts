import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { findAsset } from '../../page/assets.ts';
import { setSecurityHeaders } from '../../page/send-own.ts';
import { holdsToken } from './access.ts';
import { mostPages, type Live } from './live.ts';

/** The operator's page. */
export interface LivePage {
  readonly live: Live;
  /** The Bearer token for `/-/state` and `/-/live`; `undefined` if they need none. */
  readonly token: (() => string) | undefined;
}

/**
 * The addresses of the operator's page: `/` for browsers, its files, which hold nothing secret, `/-/state` (JSON) and
 * `/-/live` (server-sent events), which need the token if one is set.
 */
export function addLivePage(app: FastifyInstance, { live, token }: LivePage): void {
  /** @returns whether it was refused */
  function refuses(request: FastifyRequest, reply: FastifyReply): boolean {
    setSecurityHeaders({ response: reply.raw });
    void reply.header('Cache-Control', 'no-store');
    if (token === undefined || holdsToken(request.headers.authorization, token())) return false;
    const hasCredentials = request.headers.authorization !== undefined;
    void reply
      .code(401)
      .header('WWW-Authenticate', 'Bearer realm="maas-auth-proxy admin"')
      .send({
        detail: hasCredentials
          ? 'This is not the admin token; send the one in the file that --admin-token-file names.'
          : 'This needs the admin token, as "Authorization: Bearer TOKEN"; it is in the file that --admin-token-file names.',
      });
    return true;
  }

  app.get('/', (request, reply) => {
    if (request.headers.accept?.includes('text/html') !== true) return reply.callNotFound();
    return sendAsset(request, reply, 'admin.html');
  });
  app.get<{ Params: { name: string } }>('/-/assets/:name', (request, reply) =>
    sendAsset(request, reply, request.params.name),
  );
  app.get('/-/state', async (request, reply) => (refuses(request, reply) ? reply : live.snapshot()));
  app.get('/-/live', { exposeHeadRoute: false }, (request, reply) => {
    if (refuses(request, reply)) return;
    if (live.listen(reply.raw)) reply.hijack();
    else
      void reply
        .code(429)
        .header('Retry-After', '10')
        .send({ detail: `${mostPages} operator's pages are open already; close one, and try again.` });
  });
}

async function sendAsset(request: FastifyRequest, reply: FastifyReply, name: string): Promise<unknown> {
  setSecurityHeaders({ response: reply.raw });
  const found = await findAsset(name, request.raw);
  if (found === undefined) return reply.callNotFound();
  return reply.code(found.status).headers(found.headers).send(found.body);
}
