import type { Fields } from '../../http/fields.ts';
import type { MaasAddress } from '../../maas/maas-address.ts';
import type { Controller, UpstreamHandler } from '../handler.ts';

/** A response of MAAS that is buffered, for more than one client. */
export interface BufferedResponse {
  readonly status: number;
  readonly statusText: string;
  readonly fields: Fields;
  readonly body: Buffer;
  /** Which of several region controllers sent it. */
  readonly region: MaasAddress | undefined;
}

/** The size of one write, bytes: TLS makes a copy of it for each client. */
const chunkBytes = 64 * 1024;

/**
 * Sends a buffered response to one client, as fast as the client reads.
 *
 * @param onDone called once, when the response was sent or the client has disconnected
 */
export function replay(response: BufferedResponse, handler: UpstreamHandler, onDone: () => void): void {
  new Replay(response, handler, onDone).begin();
}

class Replay implements Controller {
  readonly #response: BufferedResponse;
  readonly #handler: UpstreamHandler;
  readonly #onDone: () => void;
  #at = 0;
  #isDone = false;
  #isWriting = false;
  paused = false;

  constructor(response: BufferedResponse, handler: UpstreamHandler, onDone: () => void) {
    this.#response = response;
    this.#handler = handler;
    this.#onDone = onDone;
  }

  begin(): void {
    const { status, statusText, fields } = this.#response;
    this.#handler.onRequestStart(this);
    if (this.#isDone) return;
    this.#handler.onResponseStart(this, { status, statusText, fields });
    this.#write();
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    if (!this.paused) return;
    this.paused = false;
    this.#write();
  }

  abort(error: Error): void {
    if (this.#isDone) return;
    this.#end();
    this.#handler.onResponseError(error);
  }

  #write(): void {
    // A handler may resume from within its own call.
    if (this.#isWriting) return;
    this.#isWriting = true;
    const { body } = this.#response;
    while (!this.#isDone && !this.paused && this.#at < body.length) {
      const chunk = body.subarray(this.#at, this.#at + chunkBytes);
      this.#at += chunk.length;
      this.#handler.onResponseData(this, chunk);
    }
    this.#isWriting = false;
    if (this.#isDone || this.paused) return;
    this.#end();
    this.#handler.onResponseEnd(this);
  }

  #end(): void {
    this.#isDone = true;
    this.#onDone();
  }
}
