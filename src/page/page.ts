import type { ClientIdentity } from '../clients/identity.ts';
import type { Exchange } from '../exchange.ts';
import type { MaasAddress } from '../maas/maas-address.ts';
import type { Policy } from '../policy/policy.ts';
import type { Addressed } from '../inbound/address.ts';
import type { Authenticate } from '../inbound/authenticate.ts';
import type { Admit } from '../inbound/limits.ts';
import { Problem } from '../problem.ts';
import type { Upstream } from '../upstream/upstream.ts';
import { version } from '../version.ts';
import { createMaasInfo } from './maas-info.ts';
import { ownRoot, pathOf } from './addresses.ts';
import { findAsset } from './assets.ts';
import { sendInvitation } from './invitation.ts';
import type { Me } from './browser/contract.ts';
import { listOperations } from './operations.ts';
import type { RequestFeed } from './request-feed.ts';
import { setSecurityHeaders, sendJson, sendOwn } from './send-own.ts';

/** The options of the page. */
export interface PageOptions {
  readonly maas: MaasAddress;
  readonly upstream: Pick<Upstream, 'sendOwnRequest'>;
  readonly feed: RequestFeed;
}

/** The steps that the page's own addresses share with the proxy's. */
interface SharedSteps {
  readonly authenticate: Authenticate;
  policy(): Policy;
  readonly admit: Admit;
}

/** Nothing of MAAS's, so that it never counts as an operation that needs no key. */
const ownAddress: Addressed = {
  apiPath: { form: '', path: ownRoot, query: '', segments: ['-'] },
  operation: { method: 'GET', segments: ['-'], op: undefined },
};

/**
 * The page in the browser, at the proxy's own addresses: `/` and everything below `/-/`. The page's files need no key,
 * but its data about MAAS and requests does, like any request.
 */
export function createPage(
  { maas, upstream, feed }: PageOptions,
  { authenticate, policy, admit }: SharedSteps,
): (exchange: Exchange) => Promise<void> {
  const maasInfo = createMaasInfo(upstream);
  const data: Readonly<Record<string, (exchange: Exchange, identity: ClientIdentity) => void | Promise<void>>> = {
    async operations(exchange, { client }) {
      sendJson(exchange, listOperations(client?.policy ?? policy(), await maasInfo.describe()));
    },
    async me(exchange, { client }) {
      const [maasVersion, user] = await Promise.all([maasInfo.version(), maasInfo.user(client?.signer)]);
      sendJson(exchange, {
        maas: { url: maas.href, version: maasVersion },
        user,
        policy: (client?.policy ?? policy()).name,
        client: client?.client.name ?? null,
        version,
      } satisfies Me);
    },
    requests: (exchange, { client }) => feed.listen(exchange, client?.client.name),
  };
  return async (exchange) => {
    exchange.trace.isOwnAddress = true;
    setSecurityHeaders(exchange);
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
    const identity = (exchange.trace.identity = await authenticate(exchange, ownAddress));
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
