import { STATUS_CODES, type ServerResponse } from 'node:http';
import { isArriving } from '../http/request-body.ts';
import type { Exchange } from '../exchange.ts';
import { countTransferred } from '../http/collect-by-bytes.ts';
import type { Regions } from '../maas/maas-address.ts';
import { Problem } from '../problem.ts';
import { toProblem } from '../upstream/errors.ts';
import type { ResponseHandler, CreateResponseHandler } from '../upstream/forward.ts';
import { responseHeaders } from './response-headers.ts';
import { chooseCoding, codedHeaders, createCoder, isCompressible, mayCompress } from './compress.ts';
import { fieldLines, fieldOf, readFields, type Fields } from '../http/fields.ts';
import { BodyWriter } from './body-writer.ts';
import { rewriteLocation } from './location.ts';
import { descriptionRewrite, maxDescription, type Rewrite } from './rewrite-description.ts';
import type { SlowReaders } from './slow-readers.ts';

/** What the answers of a proxy have in common. */
export interface RelayOptions {
  readonly regions: Regions;
  /** How many answers may be compressed at once, for clients that take that; 0 for none. */
  readonly compressed: number;
  readonly slowReaders: SlowReaders;
}

/** Step 9: MAAS's answers, each carried to its client by a relay. */
export function relayResponse(options: RelayOptions): CreateResponseHandler {
  return (exchange, told) => new ResponseRelay(exchange, options, told);
}

/**
 * Carries one answer from MAAS to the client: bytes are written to the client's socket as they come, and MAAS is made
 * to wait while the client reads slowly. A client that leaves aborts the request at MAAS, before and after the first
 * byte; an answer that breaks off breaks the client's transfer, so that it never looks complete.
 *
 * It uses the handler methods of undici 7 that give the raw header bytes; they cost less than the parsed ones, and keep
 * names and values as MAAS wrote them.
 */
class ResponseRelay implements ResponseHandler {
  readonly #exchange: Exchange;
  readonly #regions: Regions;
  readonly #client: ServerResponse;
  /** Told once: that the answer begins, or why there is none. */
  #answer: ((problem?: Problem) => void) | undefined;
  #abort: ((error?: Error) => void) | undefined;
  #resume: (() => void) | undefined;
  #status = 0;
  #statusText = '';
  /** Of all interim answers so far, bytes. */
  #interimSize = 0;
  /** The length that MAAS has told, bytes. */
  #length: number | undefined;
  #fields: Fields = [];
  /** The head of the client's answer, until it is written. */
  #head: string[] | undefined;
  /** Set while the answer is collected to be rewritten. */
  #rewrite: Rewrite | undefined;
  #collected: Buffer[] = [];
  #size = 0;
  readonly #compressed: number;
  readonly #bodyWriter: BodyWriter;

  constructor(
    exchange: Exchange,
    { regions, compressed, slowReaders }: RelayOptions,
    answer: (problem?: Problem) => void,
  ) {
    this.#exchange = exchange;
    this.#regions = regions;
    this.#compressed = compressed;
    this.#client = exchange.response;
    this.#bodyWriter = new BodyWriter(exchange, slowReaders);
    this.#answer = answer;
    this.#client.on('close', () => this.#onClientClose());
  }

  begin(): void {
    this.#rewrite = descriptionRewrite(this.#exchange, this.#status);
    if (this.#rewrite === undefined) this.#makeHead();
    if (this.#isBodyless) this.#end();
  }

  onWait(abort: (error?: Error) => void): void {
    this.onConnect(abort);
  }

  onConnect(abort: (error?: Error) => void): void {
    this.#abort = abort;
    if (this.#client.destroyed) abort(clientGone());
  }

  onHeaders(statusCode: number, rawHeaders: Buffer[], resume: () => void, statusText: string): boolean {
    // Nobody asked for another protocol, which the client would speak from here on (RFC 9110 §15.2.2).
    if (statusCode < 100 || statusCode === 101 || statusCode > 599) throw brokenAnswer();
    if (statusCode < 200) {
      this.#passInterim(statusCode, rawHeaders);
      return true;
    }
    const fields = readFields(rawHeaders);
    if (hasForeignCoding(fields)) throw brokenAnswer();
    this.#exchange.answeredAt = performance.now();
    this.#resume = resume;
    this.#status = statusCode;
    this.#statusText = statusText;
    this.#fields = fields;
    this.#length = toldLength(fields);
    const answer = this.#answer;
    this.#answer = undefined;
    answer?.();
    return true;
  }

  onData(chunk: Buffer): boolean {
    if (this.#bodyWriter.isEnded) return true;
    countTransferred(chunk.length);
    return this.#rewrite === undefined ? this.#pass(chunk) : this.#collect(chunk);
  }

  onComplete(): void {
    if (this.#bodyWriter.isEnded) return;
    if (this.#rewrite !== undefined) {
      // One character for each byte, so that what is no text, or compressed, passes as it is.
      const text = Buffer.concat(this.#collected).toString('latin1');
      const body = Buffer.from(this.#rewrite(text), 'latin1');
      this.#makeHead(body.length);
      this.#writeHead();
      this.#bodyWriter.write(body, () => {}); // nothing more will come
    }
    this.#end();
  }

  onError(error: Error): void {
    if (this.#bodyWriter.isEnded) return;
    const problem = toProblem(error);
    this.#exchange.problem ??= problem;
    if (this.#answer === undefined) {
      this.#bodyWriter.breakOff();
    } else {
      const answer = this.#answer;
      this.#answer = undefined;
      answer(this.#exchange.problem);
    }
  }

  /** Whether the answer is complete with its head (RFC 9112 §6.3), whatever length it tells. */
  get #isBodyless(): boolean {
    return this.#exchange.method === 'HEAD' || this.#status === 204 || this.#status === 304;
  }

  /** @returns whether more may come at once */
  #pass(chunk: Buffer): boolean {
    if (this.#head !== undefined) {
      const isWhole = chunk.length === this.#length;
      if (isWhole && this.#bodyWriter.writeShortResponse(this.#status, this.#reasonPhrase, this.#head, chunk))
        return true;
      this.#writeHead();
    }
    return this.#bodyWriter.write(chunk, () => this.#resume?.());
  }

  /**
   * Interim answers are the client's too (RFC 9110 §15.2); HTTP/1.0 does not know them. Node would check their fields. Nothing can make MAAS
   * wait between two of them, so they are bounded together.
   */
  #passInterim(status: number, rawHeaders: readonly Buffer[]): void {
    const headers = responseHeaders(readFields(rawHeaders), this.#exchange.id, (location) => location);
    const statusLine = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Interim'}`;
    const head = `${statusLine}\r\n${fieldLines(headers)}\r\n`;
    this.#interimSize += head.length;
    if (this.#interimSize > maxInterim) throw tooManyInterim();
    if (this.#exchange.request.httpVersion === '1.1') this.#client.socket?.write(head, 'latin1');
  }

  #end(): void {
    this.#writeHead();
    this.#bodyWriter.end();
  }

  #makeHead(newLength?: number): void {
    const headers = this.#code(
      responseHeaders(
        this.#fields,
        this.#exchange.id,
        (location) => rewriteLocation(location, this.#exchange, this.#regions),
        newLength,
        this.#status === 204,
      ),
      newLength ?? this.#length,
    );
    // The client is still sending what MAAS did not wait for: the connection cannot carry another request.
    this.#exchange.closes = this.#exchange.mustClose || isArriving(this.#exchange.request);
    if (this.#exchange.closes) headers.push('Connection', 'close');
    this.#head = headers;
  }

  #writeHead(): void {
    if (this.#head !== undefined) this.#client.writeHead(this.#status, this.#reasonPhrase, this.#head);
    this.#head = undefined;
  }

  /**
   * MAAS's words for its status. Other than ASCII they are not the bytes that came, and Node would refuse to write them; a client
   * must not mind what stands there (RFC 9112 §4).
   */
  get #reasonPhrase(): string {
    return /^[\t -~]*$/.test(this.#statusText) ? this.#statusText : (STATUS_CODES[this.#status] ?? '');
  }

  /** Chooses whether the answer is compressed. @returns the header that says so */
  #code(headers: string[], length: number | undefined): string[] {
    if (this.#compressed === 0 || !isCompressible(this.#exchange, this.#status, this.#fields, length)) return headers;
    const { 'accept-encoding': accepted } = this.#exchange.request.headers;
    const coding =
      this.#isBodyless || !mayCompress(this.#compressed) ? undefined : chooseCoding(String(accepted ?? ''));
    if (coding !== undefined) this.#bodyWriter.compress(createCoder(coding, length ?? 0));
    return codedHeaders(headers, coding);
  }

  #collect(chunk: Buffer): boolean {
    this.#collected.push(chunk);
    this.#size += chunk.length;
    if (this.#size <= maxDescription) return true;
    this.#rewrite = undefined;
    this.#makeHead();
    const begun = Buffer.concat(this.#collected);
    this.#collected = [];
    return this.#pass(begun);
  }

  #onClientClose(): void {
    this.#bodyWriter.close();
    if (this.#bodyWriter.isEnded) return;
    this.#exchange.problem ??= clientGone();
    this.#abort?.(this.#exchange.problem);
  }
}

/** How much all interim answers to one request may hold, bytes: as much as a header section. */
const maxInterim = 64 * 1024;

function tooManyInterim(): Problem {
  return new Problem(
    'maas-broken-answer',
    'What answered sent more than 64 KiB of interim responses (1xx) and no final one; check what stands between the proxy and MAAS.',
  );
}

/** The length that an answer tells, bytes, `undefined` where it tells none. */
function toldLength(fields: Fields): number | undefined {
  const length = fieldOf(fields, 'content-length');
  return length === undefined ? undefined : Number(length);
}

function clientGone(): Problem {
  return new Problem('client-gone', 'The client closed the connection before the answer was complete.');
}

/** A transfer coding other than chunked was not asked for (RFC 9112 §7.4), and undici would not undo it. */
function hasForeignCoding(fields: Fields): boolean {
  const coding = fieldOf(fields, 'transfer-encoding');
  return coding !== undefined && coding.toLowerCase() !== 'chunked';
}

function brokenAnswer(): Problem {
  return new Problem(
    'maas-broken-answer',
    'What answered is not valid HTTP; check that MAAS_URL names the port of MAAS.',
  );
}
