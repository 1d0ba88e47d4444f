import type { IncomingMessage } from 'node:http';
import type { FastifyInstance } from 'fastify';
import { checkBrowser } from '../inbound/browser.ts';
import { createHostCheck } from '../inbound/host.ts';
import { Problem } from '../problem.ts';

/** The names of the admin listener. */
export interface AdminNames {
  /** The address that it listens on. */
  readonly host: string;
  /** Further names; `*` for any. */
  readonly allowedHosts: readonly string[];
}

/**
 * Refuses web pages at the admin listener, as steps 1 and 2 do at the proxy's own port: a page whose name is rebound to
 * this address (421), and a page of another origin (403). The listener's IP address is always accepted in `Host`, as a
 * kubelet's probes and Prometheus send it.
 */
export function guard(app: FastifyInstance, names: AdminNames): void {
  const checkHost = createHostCheck(names.host, names.allowedHosts);
  app.addHook('onRequest', (request, reply, done) => {
    const { raw } = request;
    try {
      if (!isBare(raw)) checkHost({ request: raw, target: raw.url ?? '/' });
      checkBrowser({ request: raw });
    } catch (error) {
      if (!(error instanceof Problem)) return done(error as Error);
      // The admin listener logs no requests, so a request id would be useless.
      const document = { ...error.document(''), requestId: undefined };
      return void reply
        .code(error.status)
        .header('Cache-Control', 'no-store')
        .type('application/problem+json')
        .send(`${JSON.stringify(document)}\n`);
    }
    done();
  });
}

/** HTTP/1.0 without a Host, such as HAProxy's health checks: no browser sends that, and there is no name to rebind. */
function isBare({ httpVersion, headers }: IncomingMessage): boolean {
  return httpVersion === '1.0' && headers.host === undefined;
}
