import type { ServerResponse } from 'node:http';
import type { Dispatcher } from 'undici';
import type { Exchange } from '../exchange.ts';
import { Problem } from '../problem.ts';
import { toProblem } from '../upstream/failure.ts';
import { answerHeaders } from './answer-headers.ts';

/** The head of MAAS's answer, as reply-from hands it on. */
export interface AnswerHead {
  readonly statusCode: number;
  readonly headers: Record<string, never>;
  readonly body: Relay;
}

/**
 * Carries one answer from MAAS to the client: bytes are written to the client's socket as they come, and MAAS is made
 * to wait while the client reads slowly. A client that leaves aborts the request at MAAS, before and after the first
 * byte; an answer that breaks off breaks the client's transfer, so that it never looks complete.
 *
 * It uses the handler methods of undici 7 that give the raw header bytes; they cost less than the parsed ones, and keep
 * names and values as MAAS wrote them.
 */
export class Relay implements Dispatcher.DispatchHandler {
  readonly #exchange: Exchange;
  readonly #client: ServerResponse;
  #answer: ((error: Error | null, head?: AnswerHead) => void) | undefined;
  #abort: ((error?: Error) => void) | undefined;
  #resume: (() => void) | undefined;
  #status = 0;
  #statusText = '';
  #rawHeaders: readonly Buffer[] = [];

  constructor(exchange: Exchange, answer: (error: Error | null, head?: AnswerHead) => void) {
    this.#exchange = exchange;
    this.#client = exchange.response;
    this.#answer = answer;
    this.#client.once('close', () => this.#onClientClose());
  }

  /** Writes the head; called once reply-from has taken note of the answer and the reply is no longer Fastify's. */
  begin(): void {
    const client = this.#client;
    const headers = answerHeaders(this.#rawHeaders, this.#exchange.id);
    // The client is still sending what MAAS did not wait for: the connection cannot carry another request.
    if (!this.#exchange.request.complete) headers.push('Connection', 'close');
    client.writeHead(this.#status, this.#statusText, headers);
  }

  onConnect(abort: (error?: Error) => void): void {
    this.#abort = abort;
    if (this.#client.destroyed) abort(clientGone());
  }

  onHeaders(statusCode: number, rawHeaders: Buffer[], resume: () => void, statusText: string): boolean {
    if (statusCode < 200) return true; // 1xx: for the proxy alone, the real answer follows (RFC 9110 §15.2)
    this.#exchange.answeredAt = performance.now();
    this.#resume = resume;
    this.#status = statusCode;
    this.#statusText = statusText;
    this.#rawHeaders = rawHeaders;
    const answer = this.#answer;
    this.#answer = undefined;
    answer?.(null, { statusCode, headers: {}, body: this });
    return true;
  }

  onData(chunk: Buffer): boolean {
    if (this.#client.write(chunk)) return true;
    this.#client.once('drain', () => this.#resume?.());
    return false;
  }

  onComplete(): void {
    this.#client.end();
  }

  onError(error: Error): void {
    const problem = toProblem(error);
    this.#exchange.problem ??= problem;
    if (this.#answer === undefined) {
      this.#client.destroy();
    } else {
      const answer = this.#answer;
      this.#answer = undefined;
      answer(this.#exchange.problem);
    }
  }

  #onClientClose(): void {
    if (this.#client.writableFinished) return;
    this.#exchange.problem ??= clientGone();
    this.#abort?.(this.#exchange.problem);
  }
}

function clientGone(): Problem {
  return new Problem('client-gone', 'The client closed the connection before the answer was complete.');
}
