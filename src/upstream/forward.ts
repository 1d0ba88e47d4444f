import { Readable } from 'node:stream';
import type { ClientIdentity } from '../clients/identity.ts';
import type { Exchange } from '../exchange.ts';
import { sizeOf } from '../http/byte-blocks.ts';
import { detachedBody } from '../http/detached-body.ts';
import { hasBody, isArriving, receivedBytes } from '../http/request-body.ts';
import { fairnessKey } from '../limits/fairness-key.ts';
import type { ApiPath } from '../maas/api-path.ts';
import type { Regions } from '../maas/maas-address.ts';
import type { Operation } from '../maas/operations/operation.ts';
import type { OperationClass } from '../policy/operation-class.ts';
import type { UpstreamDispatch, UpstreamHandler, UpstreamRequest } from './handler.ts';
import { requestHeaders } from './request-headers.ts';

/** A client's request, ready to be sent to MAAS. */
export interface ForwardedRequest {
  readonly exchange: Exchange;
  readonly apiPath: ApiPath;
  readonly identity: ClientIdentity;
  readonly operation: {
    readonly operation: Operation;
    readonly operationClass: OperationClass;
    /** MAAS accepts it only unsigned. */
    readonly takesNoSignature: boolean;
  };
  readonly body: {
    /** The buffered body, in one piece or several; `undefined` if it streams, or there is none. */
    readonly pieces: readonly Buffer[] | undefined;
    /** Its type, if that is no longer the client's. */
    readonly contentType: string | undefined;
  };
}

/** The options for forwarding. */
export interface WayToMaas {
  readonly regions: Regions;
  readonly dispatch: UpstreamDispatch;
  /** The name of the proxy in the `Via` of what it sends. */
  readonly pseudonym: string;
}

/**
 * Step 8: sends a client's request down the chain to MAAS.
 *
 * @param way the regions and the chain; with several regions, the chain chooses one and ignores the address used here
 */
export function forward(
  { exchange, apiPath, identity, operation: { operation, operationClass, takesNoSignature }, body }: ForwardedRequest,
  { regions: [maas], dispatch, pseudonym }: WayToMaas,
  handler: UpstreamHandler,
): void {
  const { request, method, trace, peer } = exchange;
  const { pieces, contentType } = body;
  // RFC 9110 §9.3.1 gives a body on GET or HEAD no meaning, and neither does MAAS.
  const streams = pieces === undefined && method !== 'GET' && method !== 'HEAD' && hasBody(request);
  const length = streams ? Number(request.headers['content-length']) : pieces && sizeOf(pieces);
  trace.sentAt = performance.now();
  dispatch(
    {
      origin: maas.origin,
      path: `${maas.apiPath}${apiPath.path}${apiPath.query}`,
      method,
      headers: requestHeaders(exchange, identity, length, contentType, pseudonym),
      body: streams ? detachedBody(request) : pieces === undefined ? null : asSent(pieces),
      signedBy: identity.isAnonymous || takesNoSignature ? 'nobody' : (identity.client?.signer ?? 'shared'),
      call: {
        fairnessKey: fairnessKey(identity, peer),
        operation,
        operationClass,
        trace,
        isBodyArriving: () => streams && isArriving(request),
        // A body that is not being read waits for MAAS, not for its client.
        arrivedBytes: () =>
          streams && isArriving(request) && request.readableFlowing === true ? receivedBytes(request) : undefined,
      },
    } satisfies UpstreamRequest,
    handler,
  );
}

/** A buffered body for undici: one piece can be sent again, several pieces as long as none was read. */
function asSent(pieces: readonly Buffer[]): Buffer | Readable {
  return pieces.length > 1 ? Readable.from(pieces) : (pieces[0] ?? Buffer.alloc(0));
}
