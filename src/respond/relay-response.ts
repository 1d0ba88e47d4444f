import { STATUS_CODES, type ServerResponse } from 'node:http';
import type { Exchange } from '../exchange.ts';
import { countTransferred } from '../http/collect-by-bytes.ts';
import { fieldOf, type Fields } from '../http/fields.ts';
import { isArriving } from '../http/request-body.ts';
import type { ApiPath } from '../maas/api-path.ts';
import type { Regions } from '../maas/maas-address.ts';
import type { OperationClass } from '../policy/operation-class.ts';
import { Problem } from '../problem.ts';
import { toProblem } from '../upstream/errors.ts';
import type { Controller, ResponseHead, UpstreamHandler } from '../upstream/handler.ts';
import { BodyWriter } from './body-writer.ts';
import { chooseCoding, codedHeaders, createCoder, isCompressible, mayCompress } from './compress.ts';
import { rewriteLocation } from './location.ts';
import { sendProblem } from './problem-response.ts';
import { responseHeaders } from './response-headers.ts';
import { descriptionRewrite, maxDescription, type Rewrite } from './rewrite-description.ts';
import type { SlowReaders } from './slow-readers.ts';
import { serializeHead } from '../http/serialize-response.ts';

/** The options for all responses of a proxy. */
export interface RelayOptions {
  readonly regions: Regions;
  /** How many responses may be compressed concurrently, for clients that accept it; 0 for none. */
  readonly maxCompressed: number;
  readonly slowReaders: SlowReaders;
}

/** The request that a response is for. */
export interface RelayedRequest {
  readonly exchange: Exchange;
  readonly apiPath: ApiPath;
  readonly operationClass: OperationClass;
}

/** Step 9: what carries MAAS's response to the client. */
export function relayResponse(request: RelayedRequest, options: RelayOptions): UpstreamHandler {
  return new ResponseRelay(request, options);
}

/**
 * Relays one response from MAAS to the client: bytes are written to the client's socket as they come, and MAAS is
 * paused while the client reads slowly. A client that disconnects aborts the request at MAAS, before and after the
 * first byte. A response that breaks off breaks the client's transfer, so that it never looks complete.
 */
class ResponseRelay implements UpstreamHandler {
  readonly #request: RelayedRequest;
  readonly #exchange: Exchange;
  readonly #options: RelayOptions;
  readonly #client: ServerResponse;
  readonly #bodyWriter: BodyWriter;
  #controller: Controller | undefined;
  #hasBegun = false;
  #head: ResponseHead = { status: 0, statusText: '', fields: [] };
  /** The size of all interim responses so far, bytes. */
  #interimSize = 0;
  /** The length that MAAS has announced, bytes. */
  #length: number | undefined;
  /** The headers of the client's response, until they are written. */
  #header: string[] | undefined;
  /** Set while the response is buffered to be rewritten. */
  #rewrite: Rewrite | undefined;
  #collected: Buffer[] = [];
  #size = 0;

  constructor(request: RelayedRequest, options: RelayOptions) {
    this.#request = request;
    this.#exchange = request.exchange;
    this.#options = options;
    this.#client = request.exchange.response;
    this.#bodyWriter = new BodyWriter(request.exchange, options.slowReaders);
    request.exchange.onEnd(() => this.#onClientClose());
  }

  onQueued(controller: Controller): void {
    this.onRequestStart(controller);
  }

  onRequestStart(controller: Controller): void {
    this.#controller = controller;
    if (this.#client.destroyed) controller.abort(clientGone());
  }

  onResponseStart(controller: Controller, head: ResponseHead): void {
    const { status, fields } = head;
    // The proxy requested no other protocol, so the client must not switch to one (RFC 9110 §15.2.2).
    if (status < 100 || status === 101 || status > 599 || hasForeignCoding(fields)) {
      controller.abort(brokenResponse());
      return;
    }
    if (status < 200) {
      this.#passInterim(controller, status, fields);
      return;
    }
    this.#exchange.trace.responseStartedAt = performance.now();
    this.#hasBegun = true;
    this.#head = head;
    this.#length = announcedLength(fields);
    this.#rewrite = descriptionRewrite(this.#exchange, this.#request.apiPath, status);
    if (this.#rewrite === undefined) this.#makeHeader();
    if (this.#isBodyless) this.#end();
  }

  onResponseData(controller: Controller, chunk: Buffer): void {
    if (!this.#hasBegun || this.#bodyWriter.isEnded) return;
    countTransferred(chunk.length);
    if (this.#rewrite === undefined) this.#pass(controller, chunk);
    else this.#collect(controller, chunk);
  }

  onResponseEnd(): void {
    if (!this.#hasBegun || this.#bodyWriter.isEnded) return;
    if (this.#rewrite !== undefined) {
      // One character per byte, so that bytes that are not text, or compressed, pass unchanged.
      const text = Buffer.concat(this.#collected).toString('latin1');
      const body = Buffer.from(this.#rewrite(text), 'latin1');
      this.#makeHeader(body.length);
      this.#writeHeader();
      this.#bodyWriter.write(body, () => {}); // nothing more will come
    }
    this.#end();
  }

  onResponseError(error: Error): void {
    if (this.#bodyWriter.isEnded) return;
    const problem = toProblem(error);
    if (this.#hasBegun) {
      this.#exchange.trace.problem ??= problem;
      this.#bodyWriter.breakOff();
    } else {
      sendProblem(this.#exchange, problem);
    }
  }

  /** Whether the response ends with its headers (RFC 9112 §6.3), whatever length it announces. */
  get #isBodyless(): boolean {
    const { status } = this.#head;
    return this.#exchange.method === 'HEAD' || status === 204 || status === 304;
  }

  #pass(controller: Controller, chunk: Buffer): void {
    if (this.#header !== undefined) {
      const isComplete = chunk.length === this.#length;
      const { status } = this.#head;
      if (isComplete && this.#bodyWriter.writeShortResponse(status, this.#reasonPhrase, this.#header, chunk)) return;
      this.#writeHeader();
    }
    if (!this.#bodyWriter.write(chunk, () => controller.resume())) controller.pause();
  }

  /**
   * Interim responses are forwarded too (RFC 9110 §15.2), but not over HTTP/1.0, which does not know them. Node would
   * check their fields. MAAS cannot be paused between two of them, so their total size is bounded.
   */
  #passInterim(controller: Controller, status: number, fields: Fields): void {
    const headers = responseHeaders(fields, this.#exchange.id, (location) => location);
    const head = serializeHead(status, headers, STATUS_CODES[status] ?? 'Interim');
    this.#interimSize += head.length;
    if (this.#interimSize > maxInterim) controller.abort(tooManyInterim());
    else if (this.#exchange.request.httpVersion === '1.1') this.#client.socket?.write(head, 'latin1');
  }

  #end(): void {
    this.#writeHeader();
    this.#bodyWriter.end();
  }

  #makeHeader(newLength?: number): void {
    const { exchange, apiPath } = this.#request;
    const { connection } = exchange;
    const headers = this.#code(
      responseHeaders(
        this.#head.fields,
        exchange.id,
        (location) => rewriteLocation(location, exchange, apiPath, this.#options.regions),
        newLength,
        this.#head.status === 204,
      ),
      newLength ?? this.#length,
    );
    if (isNavigation(exchange)) headers.push(...sandboxed(this.#head.fields));
    // The client is still sending a body that MAAS did not wait for: the connection cannot carry another request.
    connection.closeAnnounced = connection.mustClose || isArriving(exchange.request);
    if (connection.closeAnnounced) headers.push('Connection', 'close');
    this.#header = headers;
  }

  #writeHeader(): void {
    if (this.#header !== undefined) this.#client.writeHead(this.#head.status, this.#reasonPhrase, this.#header);
    this.#header = undefined;
  }

  /**
   * MAAS's reason phrase. If it is not ASCII, its decoded form is not the received bytes, and Node would refuse to
   * write it; clients should ignore reason phrases (RFC 9112 §4).
   */
  get #reasonPhrase(): string {
    const { status, statusText } = this.#head;
    return /^[\t -~]*$/.test(statusText) ? statusText : (STATUS_CODES[status] ?? '');
  }

  /** Chooses whether the response is compressed. @returns the headers that say so */
  #code(headers: string[], length: number | undefined): string[] {
    const { status, fields } = this.#head;
    const { exchange, operationClass } = this.#request;
    const { maxCompressed } = this.#options;
    if (maxCompressed === 0 || !isCompressible(exchange, operationClass, status, fields, length)) return headers;
    const { 'accept-encoding': accepted } = exchange.request.headers;
    const coding = this.#isBodyless || !mayCompress(maxCompressed) ? undefined : chooseCoding(String(accepted ?? ''));
    if (coding !== undefined) this.#bodyWriter.compress(createCoder(coding, length ?? 0));
    return codedHeaders(headers, coding);
  }

  #collect(controller: Controller, chunk: Buffer): void {
    this.#collected.push(chunk);
    this.#size += chunk.length;
    if (this.#size <= maxDescription) return;
    this.#rewrite = undefined;
    this.#makeHeader();
    const begun = Buffer.concat(this.#collected);
    this.#collected = [];
    this.#pass(controller, begun);
  }

  #onClientClose(): void {
    this.#bodyWriter.close();
    if (this.#bodyWriter.isEnded || this.#exchange.connection.isResponseWritten) return;
    this.#exchange.trace.problem ??= clientGone();
    this.#controller?.abort(this.#exchange.trace.problem);
  }
}

/** Whether a browser would show the response as a page of the proxy's origin. */
function isNavigation({ request: { headers } }: Exchange): boolean {
  if (headers['sec-fetch-mode'] === 'navigate') return true;
  const destination = headers['sec-fetch-dest'];
  return typeof destination === 'string' && shownDestinations.has(destination);
}

const shownDestinations: ReadonlySet<string> = new Set([
  'document',
  'iframe',
  'frame',
  'embed',
  'object',
  'fencedframe',
]);

/** A file that is stored in MAAS must not run as the proxy's own page: it could send what the page can send. */
function sandboxed(fields: Fields): string[] {
  const guard = fieldOf(fields, 'x-content-type-options') === undefined ? ['X-Content-Type-Options', 'nosniff'] : [];
  return ['Content-Security-Policy', 'sandbox', ...guard];
}

/** The largest size of all interim responses to one request, bytes: that of one header section. */
const maxInterim = 64 * 1024;

function tooManyInterim(): Problem {
  return new Problem(
    'maas-broken-answer',
    'MAAS, or a server in front of it, sent more than 64 KiB of interim responses (1xx) and no final one; check what stands between the proxy and MAAS.',
  );
}

/** The length that a response announces, bytes; `undefined` if it announces none. */
function announcedLength(fields: Fields): number | undefined {
  const length = fieldOf(fields, 'content-length');
  return length === undefined ? undefined : Number(length);
}

function clientGone(): Problem {
  return new Problem('client-gone', 'The client closed the connection before the response was complete.');
}

/** A transfer coding other than chunked was not requested (RFC 9112 §7.4), and undici would not decode it. */
function hasForeignCoding(fields: Fields): boolean {
  const coding = fieldOf(fields, 'transfer-encoding');
  return coding !== undefined && coding.toLowerCase() !== 'chunked';
}

function brokenResponse(): Problem {
  return new Problem(
    'maas-broken-answer',
    'The response is not valid HTTP; check that MAAS_URL names the port of MAAS.',
  );
}
