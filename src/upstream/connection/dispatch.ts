import type { Dispatcher } from 'undici';
import type { Controller, UpstreamDispatch, UpstreamHandler } from '../handler.ts';

/** The end of the chain: hands a request to undici, and reads the header fields of what comes back. */
export function toUndici(dispatch: Dispatcher['dispatch']): UpstreamDispatch {
  return ({ origin, path, method, headers, body }, handler) => {
    dispatch({ origin, path, method, headers: headers as string[], body }, new UndiciHandler(handler));
  };
}

/** Written against the methods that undici 7 and 8 have in common. */
class UndiciHandler implements Dispatcher.DispatchHandler {
  readonly #next: UpstreamHandler;

  constructor(next: UpstreamHandler) {
    this.#next = next;
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#next.onRequestStart(controller);
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number, _headers: unknown, statusText = ''): void {
    const { rawHeaders } = controller;
    // The raw fields keep names and order as MAAS wrote them. Over HTTP/1 they are buffers in undici 7, and may be
    // strings in 8.
    const fields = Array.isArray(rawHeaders) ? readRaw(rawHeaders) : [];
    this.#next.onResponseStart(controller, { status, statusText, fields });
  }

  onResponseData(controller: Controller, chunk: Buffer): void {
    this.#next.onResponseData(controller, chunk);
  }

  onResponseEnd(controller: Controller): void {
    this.#next.onResponseEnd(controller);
  }

  onResponseError(_controller: unknown, error: Error): void {
    this.#next.onResponseError(error);
  }
}

/** Decodes header fields, one character per byte. */
function readRaw(raw: readonly (Buffer | string)[]): readonly string[] {
  return raw.map((part) => part.toString('latin1'));
}
