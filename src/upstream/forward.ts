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
    /** MAAS takes it only where it has no signature. */
    readonly takesNoSignature: boolean;
  };
  readonly body: {
    /** In one piece or several, where the proxy holds it; `undefined` where it streams, or there is none. */
    readonly pieces: readonly Buffer[] | undefined;
    /** Its type where that is no longer the client's. */
    readonly contentType: string | undefined;
  };
}

/** The way to MAAS. */
export interface WayToMaas {
  readonly regions: Regions;
  readonly dispatch: UpstreamDispatch;
  /** The name of the proxy in the `Via` of what it sends. */
  readonly pseudonym: string;
}

/**
 * Step 8: sends a client's request down the chain to MAAS.
 *
 * @param way to MAAS: where there are several regions, the chain chooses among them, and takes the address of the first for any
 */
export function forward(
  { exchange, apiPath, identity, operation: { operation, operationClass, takesNoSignature }, body }: ForwardedRequest,
  { regions: [maas], dispatch, pseudonym }: WayToMaas,
  handler: UpstreamHandler,
): void {
  const { request, method, trace, peer } = exchange;
  const { pieces, contentType } = body;
  // Neither MAAS nor RFC 9110 §9.3.1 gives a body on GET or HEAD a meaning.
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
        // A body that nobody reads just now waits for MAAS, not for its client.
        arrivedBytes: () =>
          streams && isArriving(request) && request.readableFlowing === true ? receivedBytes(request) : undefined,
      },
    } satisfies UpstreamRequest,
    handler,
  );
}

/** A body that the proxy holds, for undici: in one piece it can be sent again, in several as long as nothing of it was read. */
function asSent(pieces: readonly Buffer[]): Buffer | Readable {
  return pieces.length > 1 ? Readable.from(pieces) : (pieces[0] ?? Buffer.alloc(0));
}
