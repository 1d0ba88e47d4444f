import type { Dispatcher } from 'undici';
import type { Exchange } from '../../exchange.ts';

/** An answer of MAAS that lies in memory, for more than one client. */
export interface BufferedResponse {
  readonly status: number;
  readonly statusText: string;
  /** Names and values in turn, as they came. */
  readonly rawHeaders: readonly Buffer[];
  readonly body: Buffer;
  /** Which of several region controllers has answered. */
  readonly region: Exchange['region'];
}

/** How much is handed on at once, bytes: what TLS makes of it is a copy for each client. */
const chunkBytes = 64 * 1024;

/**
 * Gives an answer to one client, at the pace at which that one reads.
 *
 * @param onDone called once, when the answer was given or the client has left
 */
export function replay(response: BufferedResponse, handler: Dispatcher.DispatchHandler, onDone: () => void): void {
  new Replay(response, handler, onDone).begin();
}

class Replay {
  readonly #response: BufferedResponse;
  readonly #handler: Dispatcher.DispatchHandler;
  readonly #onDone: () => void;
  #at = 0;
  #isDone = false;
  /** The client has enough for now. */
  #isWaiting = false;

  constructor(response: BufferedResponse, handler: Dispatcher.DispatchHandler, onDone: () => void) {
    this.#response = response;
    this.#handler = handler;
    this.#onDone = onDone;
  }

  begin(): void {
    const { status, statusText, rawHeaders } = this.#response;
    try {
      this.#handler.onConnect?.((error) => this.#fail(error ?? new Error('the client went away')));
      if (this.#isDone) return;
      this.#handler.onHeaders?.(status, [...rawHeaders], () => this.#onResume(), statusText);
      this.#goOn();
    } catch (error) {
      // A handler throws at an answer that it does not take, as it would from undici.
      this.#fail(error as Error);
    }
  }

  #onResume(): void {
    if (!this.#isWaiting) return;
    this.#isWaiting = false;
    this.#goOn();
  }

  #goOn(): void {
    const { body } = this.#response;
    while (!this.#isDone && !this.#isWaiting && this.#at < body.length) {
      const chunk = body.subarray(this.#at, this.#at + chunkBytes);
      this.#at += chunk.length;
      this.#isWaiting = this.#handler.onData?.(chunk) === false;
    }
    if (this.#isDone || this.#isWaiting) return;
    this.#end();
    this.#handler.onComplete?.([]);
  }

  #fail(error: Error): void {
    if (this.#isDone) return;
    this.#end();
    this.#handler.onError?.(error);
  }

  #end(): void {
    this.#isDone = true;
    this.#onDone();
  }
}

/** The raw form of header fields that the proxy adds. */
export function rawFields(fields: Readonly<Record<string, string>>): Buffer[] {
  return Object.entries(fields).flatMap(([name, value]) => [Buffer.from(name, 'latin1'), Buffer.from(value, 'latin1')]);
}
