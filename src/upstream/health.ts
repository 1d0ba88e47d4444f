import { fieldOf } from '../http/fields.ts';
import {
  ForwardingHandler,
  type Controller,
  type Interceptor,
  type ResponseHead,
  type UpstreamHandler,
  type UpstreamRequest,
} from './handler.ts';

/** What MAAS's responses have shown, those to clients and those to the proxy's own questions. */
export interface Health {
  /** When MAAS last answered, ms since 1970; `undefined` before. */
  readonly lastResponseAt: number | undefined;
  /**
   * When, by `performance.now()`, MAAS has last shown that it answers and takes the shared key; `-Infinity` where a response, or none,
   * has cast doubt on that since.
   */
  readonly healthyAt: number;
}

/** MAAS answers these whatever the signature is. */
const anonymous = /\/api\/2\.0\/+(?:version|describe|openapi\.yaml)\b/;

/**
 * Whether the response to a request can show that MAAS takes the key: a plain read. Some reads with an `op` MAAS answers to anybody too, and it
 * takes machines from anybody (`POST machines/`).
 */
function provesKey({ call, method, path }: UpstreamRequest): boolean {
  if (method !== 'GET' || anonymous.test(path)) return false;
  return call === undefined || call.operation.op === undefined;
}

/** Of these it is not known whether they are MAAS's, or they are its word that it is not well. */
function isSuspect(status: number): boolean {
  return status === 401 || status >= 500 || (status >= 300 && status < 400);
}

/** Takes note of MAAS's responses, so that nobody has to ask it while it answers others. */
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
      // These are the words of what stands before MAAS.
      if (status >= 200 && status !== 502 && status !== 504 && status !== 508) health.lastResponseAt = Date.now();
      if (isSuspect(status)) health.healthyAt = -Infinity;
      // MAAS puts its hash on what has reached its API, and nobody else knows of it.
      else if (this.#provesKey && status >= 200 && status < 300 && fieldOf(fields, 'x-maas-api-hash') !== undefined) {
        health.healthyAt = performance.now();
      }
      super.onResponseStart(controller, head);
    }

    override onResponseError(error: Error): void {
      // Also when a client has left: that costs one question at the most.
      health.healthyAt = -Infinity;
      super.onResponseError(error);
    }
  }

  return {
    health,
    interceptor: (dispatch) => (request, handler) => {
      // It tells nothing of the key, and whoever has none changes nothing of what the proxy says of itself.
      if (request.signedBy === 'nobody') dispatch(request, handler);
      else dispatch(request, new Watched(handler, request.signedBy === 'shared' && provesKey(request)));
    },
  };
}
