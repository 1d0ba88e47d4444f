import type { ClientIdentity } from '../clients/identity.ts';
import type { Exchange } from '../exchange.ts';
import type { MaasAddress } from '../maas/maas-address.ts';
import type { ApiPath } from '../maas/api-path.ts';
import type { Policy } from '../policy/policy.ts';
import type { Admit } from '../inbound/limits.ts';
import { Problem } from '../problem.ts';
import type { Upstream } from '../upstream/upstream.ts';
import { version } from '../version.ts';
import { askAboutMaas } from './about-maas.ts';
import { ownRoot, pathOf } from './addresses.ts';
import { findAsset } from './assets.ts';
import { sendInvitation } from './invitation.ts';
import { listOperations } from './operations.ts';
import type { RequestFeed } from './request-feed.ts';
import { makeSafe, sendJson, sendOwn } from './send-own.ts';

/** What the page is made of. */
export interface PageOptions {
  readonly maas: MaasAddress;
  readonly upstream: Pick<Upstream, 'sendOwnRequest'>;
  readonly feed: RequestFeed;
}

/** How the page knows who asks. */
interface Asking {
  authenticate(exchange: Exchange, apiPath: ApiPath): ClientIdentity | Promise<ClientIdentity>;
  policy(): Policy;
  readonly admit: Admit;
}

/** No path of MAAS's, so that no operation that needs no key is meant. */
const noApiPath: ApiPath = { form: '', path: ownRoot, query: '', segments: ['-'] };

/**
 * The page in the browser, at the proxy's own addresses: `/` and all below `/-/`. The page itself needs no key. What it tells
 * of MAAS and of requests does, as any request.
 */
export function createPage(
  { maas, upstream, feed }: PageOptions,
  { authenticate, policy, admit }: Asking,
): (exchange: Exchange) => Promise<void> {
  const about = askAboutMaas(upstream);
  const data: Readonly<Record<string, (exchange: Exchange, identity: ClientIdentity) => void | Promise<void>>> = {
    async operations(exchange, { client }) {
      sendJson(exchange, listOperations(client?.policy ?? policy(), await about.describe()));
    },
    async me(exchange, { client }) {
      const [maasVersion, user] = await Promise.all([about.version(), about.user(client?.signer)]);
      sendJson(exchange, {
        maas: { url: maas.href, version: maasVersion },
        user,
        policy: (client?.policy ?? policy()).name,
        client: client?.client.name ?? null,
        version,
      });
    },
    requests: (exchange, { client }) => feed.listen(exchange, client?.client.name),
  };
  return async (exchange) => {
    exchange.trace.isOwnAddress = true;
    makeSafe(exchange);
    const path = pathOf(exchange.target);
    if (exchange.method !== 'GET' && exchange.method !== 'HEAD') throw noSuchAddress();
    if (path === '/') {
      const isForBrowser = exchange.request.headers.accept?.includes('text/html') === true;
      if (!isForBrowser || !(await sendAsset(exchange, 'index.html'))) sendInvitation(exchange);
      return;
    }
    const name = path.slice(ownRoot.length);
    if (name.startsWith('assets/') && (await sendAsset(exchange, name.slice('assets/'.length)))) return;
    const respond = Object.hasOwn(data, name) ? data[name] : undefined;
    if (respond === undefined) throw noSuchAddress();
    const identity = (exchange.trace.identity = await authenticate(exchange, noApiPath));
    await admit(exchange, identity, name !== 'requests');
    await respond(exchange, identity);
  };
}

/** @returns whether there is such a file */
async function sendAsset(exchange: Exchange, name: string): Promise<boolean> {
  const found = await findAsset(name, exchange.request);
  if (found !== undefined) sendOwn(exchange, found.status, found.headers, found.body);
  return found !== undefined;
}

function noSuchAddress(): Problem {
  return new Problem(
    'outside-api',
    'The proxy has nothing at this address; open "/" in a browser, or use a path of MAAS, such as /machines/.',
  );
}
