import { fieldOf } from '../http/fields.ts';
import {
  ForwardingHandler,
  type Controller,
  type Interceptor,
  type ResponseHead,
  type UpstreamHandler,
  type UpstreamRequest,
} from './handler.ts';
import { isGatewayStatus } from './regions/region-down.ts';

/** What MAAS's responses have shown, to clients and to the proxy's own requests. */
export interface Health {
  /** When MAAS last responded, ms since 1970; `undefined` before. */
  readonly lastResponseAt: number | undefined;
  /**
   * When MAAS last accepted the shared key, by `performance.now()`; `-Infinity` if a failure, or a suspect response,
   * has come since.
   */
  readonly healthyAt: number;
}

/** MAAS responds to these whatever the signature is. */
const anonymous = /\/api\/2\.0\/+(?:version|describe|openapi\.yaml)\b/;

/**
 * Whether the response to a request can show that MAAS accepts the key: only for a plain read. MAAS answers some reads
 * with an `op` anonymously, and accepts anonymous writes (`POST machines/`).
 */
function provesKey({ call, method, path }: UpstreamRequest): boolean {
  if (method !== 'GET' || anonymous.test(path)) return false;
  return call === undefined || call.operation.op === undefined;
}

/** Responses that may not come from MAAS, or that say that MAAS is not healthy. */
function isSuspect(status: number): boolean {
  return status === 401 || status >= 500 || (status >= 300 && status < 400);
}

/** Notes MAAS's responses, so that no probe is needed while clients get responses. */
export function createHealth(): { readonly health: Health; readonly interceptor: Interceptor } {
  const health = { lastResponseAt: undefined as number | undefined, healthyAt: -Infinity };

  class Watched extends ForwardingHandler {
    readonly #provesKey: boolean;

    constructor(next: UpstreamHandler, provesTheKey: boolean) {
      super(next);
      this.#provesKey = provesTheKey;
    }

    override onResponseStart(controller: Controller, head: ResponseHead): void {
      const { status, fields } = head;
      // These come from a web server or proxy in front of MAAS.
      if (status >= 200 && !isGatewayStatus(status)) health.lastResponseAt = Date.now();
      if (isSuspect(status)) health.healthyAt = -Infinity;
      // Only MAAS's API sets this field.
      else if (this.#provesKey && status >= 200 && status < 300 && fieldOf(fields, 'x-maas-api-hash') !== undefined) {
        health.healthyAt = performance.now();
      }
      super.onResponseStart(controller, head);
    }

    override onResponseError(error: Error): void {
      // Also when a client has disconnected: that costs one probe at most.
      health.healthyAt = -Infinity;
      super.onResponseError(error);
    }
  }

  return {
    health,
    interceptor: (dispatch) => (request, handler) => {
      // An unsigned request shows nothing about the key, and a client without a key must not change the proxy's
      // readiness.
      if (request.signedBy === 'nobody') dispatch(request, handler);
      else dispatch(request, new Watched(handler, request.signedBy === 'shared' && provesKey(request)));
    },
  };
}
