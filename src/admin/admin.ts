import fastify, { type FastifyInstance } from 'fastify';
import { noSchemas } from '../server/no-schemas.ts';
import { addLivePage, type LivePage } from './live/routes.ts';
import { guard, type AdminNames } from './guard.ts';
import type { Metrics } from './metrics.ts';

/** Whether the proxy should get requests, and why not. */
export interface Readiness {
  readonly ready: boolean;
  readonly reasons: readonly string[];
  /** When MAAS last responded, to a client or to the proxy itself: ISO 8601, and how long ago, s. */
  readonly lastAnswer: string | null;
  readonly age: number | null;
  /** Whether MAAS accepted the API key; `null` if MAAS did not respond, missing while the proxy stops. */
  readonly keyAccepted?: boolean | null;
  /** Each region controller by the address of its API, and why it does not respond; only if there are several. */
  readonly regions?: readonly {
    readonly region: string;
    readonly answers: boolean;
    readonly lastAnswer: string | null;
    readonly reason: string | undefined;
  }[];
}

/**
 * The second listener: `/livez` (the process responds), `/readyz` (it should get requests), `/metrics` (for
 * Prometheus), and the operator's page at `/`.
 *
 * @param readiness called for each `/readyz`
 * @param names the names that `Host` may have
 * @param page `undefined` if there is none
 */
export function buildAdmin(
  readiness: () => Promise<Readiness>,
  metrics: Metrics,
  names: AdminNames,
  page: LivePage | undefined,
): FastifyInstance {
  const app = fastify({
    forceCloseConnections: true,
    schemaController: noSchemas,
    http: { requireHostHeader: false }, // the guard says it in a sentence
  });
  guard(app, names);
  app.get('/livez', () => ({ status: 'alive' }));
  app.get('/readyz', async (_request, reply) => {
    const { ready, ...found } = await readiness();
    return reply.code(ready ? 200 : 503).send({ status: ready ? 'ready' : 'not ready', ...found });
  });
  app.get('/metrics', async (_request, reply) => reply.type(metrics.contentType).send(await metrics.text()));
  if (page !== undefined) addLivePage(app, page);
  const browserHint =
    page === undefined
      ? "The operator's page is off: beyond loopback, or with a clients file, it needs --admin-token-file (ADMIN_TOKEN_FILE); --no-page (PAGE=off) turns it off."
      : "A browser gets the operator's page at /.";
  app.setNotFoundHandler((_request, reply) =>
    reply.code(404).send({ detail: `The admin listener has /livez, /readyz and /metrics. ${browserHint}` }),
  );
  return app;
}
