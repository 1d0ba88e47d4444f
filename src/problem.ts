import { maskKeys } from './maas/mask-keys.ts';

/**
 * The problems of the proxy's own responses, by code: the HTTP status, the title (RFC 9457 §3.1.3) and the error type
 * for `Proxy-Status` (RFC 9209 §2.3).
 */
const problemTypes = {
  'malformed-request': { status: 400, title: 'The request is malformed', proxyError: 'http_request_error' },
  'bad-host': { status: 400, title: 'The Host header is wrong', proxyError: 'http_request_error' },
  'version-not-supported': { status: 505, title: 'HTTP version not supported', proxyError: 'http_request_error' },
  'method-unknown': { status: 501, title: 'The method is unknown', proxyError: 'http_request_error' },
  'coding-not-supported': {
    status: 501,
    title: 'The transfer coding is not supported',
    proxyError: 'http_request_error',
  },
  'no-more-forwards': { status: 405, title: 'The request may not be forwarded', proxyError: 'http_request_error' },
  'target-too-long': { status: 414, title: 'The address is too long', proxyError: 'http_request_error' },
  'malformed-path': { status: 400, title: 'The path is malformed', proxyError: 'http_request_error' },
  'signature-override': {
    status: 400,
    title: 'The query would override the signature',
    proxyError: 'http_request_error',
  },
  'ambiguous-operation': {
    status: 400,
    title: 'The operation is ambiguous',
    proxyError: 'http_request_error',
  },
  'charset-not-supported': {
    status: 415,
    title: 'The charset is not supported',
    proxyError: 'http_request_error',
  },
  'unknown-host': { status: 421, title: 'The Host header names another host', proxyError: 'http_request_denied' },
  'cross-site': { status: 403, title: 'A web page of another origin sent this', proxyError: 'http_request_denied' },
  'client-unknown': { status: 401, title: 'The gateway does not know the client', proxyError: 'http_request_denied' },
  'limit-reached': { status: 429, title: 'Too many requests', proxyError: 'http_request_denied' },
  'redis-away': { status: 503, title: "The gateway's Redis does not answer", proxyError: 'proxy_internal_error' },
  'policy-refused': { status: 403, title: 'The policy refuses this operation', proxyError: 'http_request_denied' },
  'outside-api': { status: 404, title: 'Not an address of the MAAS API', proxyError: 'http_request_error' },
  'method-not-forwarded': { status: 405, title: 'This method is not forwarded', proxyError: 'http_request_error' },
  'malformed-json': { status: 400, title: 'The body is not JSON', proxyError: 'http_request_error' },
  'body-too-large': { status: 413, title: 'The body is too large', proxyError: 'http_request_error' },
  'json-not-an-object': {
    status: 415,
    title: 'The JSON body cannot be made a form',
    proxyError: 'http_request_error',
  },
  'request-timeout': { status: 408, title: 'The request took too long to arrive', proxyError: 'http_request_error' },
  'headers-too-large': { status: 431, title: 'The request headers are too large', proxyError: 'http_request_error' },
  'maas-unresolved': { status: 502, title: "MAAS's name cannot be resolved", proxyError: 'dns_error' },
  'maas-refused': { status: 502, title: 'MAAS refused the connection', proxyError: 'connection_refused' },
  'maas-unroutable': { status: 502, title: 'There is no route to MAAS', proxyError: 'destination_ip_unroutable' },
  'no-descriptor-left': {
    status: 503,
    title: 'The proxy can open no connection',
    proxyError: 'proxy_internal_error',
  },
  'maas-reset': { status: 502, title: 'MAAS closed the connection', proxyError: 'connection_terminated' },
  'maas-connect-timeout': { status: 504, title: 'Connecting to MAAS took too long', proxyError: 'connection_timeout' },
  'maas-certificate-unknown-issuer': {
    status: 502,
    title: "MAAS's certificate is from an unknown issuer",
    proxyError: 'tls_certificate_error',
  },
  'maas-certificate-expired': {
    status: 502,
    title: "MAAS's certificate is not valid today",
    proxyError: 'tls_certificate_error',
  },
  'maas-certificate-wrong-name': {
    status: 502,
    title: "MAAS's certificate is for another name",
    proxyError: 'tls_certificate_error',
  },
  'maas-tls': { status: 502, title: 'No TLS connection to MAAS', proxyError: 'tls_protocol_error' },
  'maas-answer-timeout': { status: 504, title: 'MAAS did not answer in time', proxyError: 'http_response_timeout' },
  'maas-body-timeout': { status: 504, title: "MAAS's response stopped", proxyError: 'connection_read_timeout' },
  'maas-broken-answer': { status: 502, title: 'MAAS sent a broken response', proxyError: 'http_protocol_error' },
  'loop-detected': { status: 508, title: 'The request goes in a loop', proxyError: 'proxy_loop_detected' },
  'maas-redirect': { status: 502, title: 'MAAS redirects elsewhere', proxyError: 'proxy_configuration_error' },
  'maas-header-too-large': {
    status: 502,
    title: "The headers of MAAS's response are too large",
    proxyError: 'http_response_header_section_size',
  },
  'maas-busy': { status: 503, title: 'MAAS is busy', proxyError: 'connection_limit_reached' },
  'client-gone': { status: 499, title: 'The client disconnected', proxyError: 'http_request_error' },
  'key-unknown': { status: 401, title: 'MAAS does not know the API key', proxyError: 'http_request_denied' },
  'key-secret-wrong': { status: 401, title: "The API key's secret is wrong", proxyError: 'http_request_denied' },
  'clock-difference': { status: 401, title: 'The clocks differ', proxyError: 'http_request_denied' },
  'nonce-reused': { status: 401, title: 'MAAS has seen this nonce before', proxyError: 'http_request_denied' },
  'signature-lost': { status: 401, title: 'The signature did not reach MAAS', proxyError: 'http_request_denied' },
  'signature-refused': { status: 401, title: 'MAAS refused the signature', proxyError: 'http_request_denied' },
  'maas-region-down': { status: 502, title: "MAAS's region controller is down", proxyError: 'destination_unavailable' },
  'maas-region-slow': {
    status: 504,
    title: "MAAS's region controller did not answer in time",
    proxyError: 'http_response_timeout',
  },
  'internal-error': { status: 500, title: 'The proxy failed', proxyError: 'proxy_internal_error' },
} as const satisfies Record<string, { status: number; title: string; proxyError: string }>;

/** The code of a problem, as in the `code` member of the problem document. */
export type ProblemCode = keyof typeof problemTypes;

/** All codes; docs/problems.md lists them. */
export const problemCodes = Object.keys(problemTypes) as readonly ProblemCode[];

/** The HTTP status of a problem of this kind; a few problems carry another one. */
export function statusOf(code: ProblemCode): number {
  return problemTypes[code].status;
}

/** The title of the problems with this code (RFC 9457 §3.1.3). */
export function titleOf(code: ProblemCode): string {
  return problemTypes[code].title;
}

/** A problem document (RFC 9457) as it is sent. */
export interface ProblemDocument {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: ProblemCode;
  readonly requestId: string;
}

/** The further properties of a problem. */
export interface ProblemContext {
  /** The cause, only for the log: an error, or words. */
  readonly cause?: unknown;
  /** The client whose key was refused, only for the log: the request is not authenticated. */
  readonly client?: string | undefined;
  /** The status of MAAS's response that this replaces. */
  readonly receivedStatus?: number;
  /** Further members of the document (RFC 9457 §3.2). */
  readonly members?: Readonly<Record<string, string | null>>;
  /** The challenge of a 401 (RFC 9110 §11.6.1); MAAS's own by default. */
  readonly challenge?: string;
  /** A status other than the usual one of this problem. */
  readonly status?: number;
  /** After how many whole seconds the same request may be sent again. */
  readonly retryAfter?: number;
  /** A body in place of the document, for clients that only know MAAS's own texts. */
  readonly text?: { readonly type: string; readonly body: string };
}

/** Why the proxy responds to a request itself. The one error type that becomes a response. */
export class Problem extends Error {
  override name = 'Problem';
  readonly code: ProblemCode;
  readonly status: number;
  /** The status of MAAS's response that this replaces; `undefined` if MAAS has not responded. */
  readonly receivedStatus: number | undefined;
  readonly challenge: string;
  readonly retryAfter: number | undefined;
  readonly text: ProblemContext['text'];
  readonly client: string | undefined;
  readonly #members: Readonly<Record<string, string | null>>;

  /**
   * @param code the code
   * @param detail a sentence for the client that says what to do: no address, no text of a library; everything in it
   *   that looks like an API key is masked
   */
  constructor(code: ProblemCode, detail: string, context: ProblemContext = {}) {
    const {
      cause,
      receivedStatus,
      members = {},
      challenge = 'OAuth realm="OAuth"',
      status,
      retryAfter,
      text,
      client,
    } = context;
    super(maskKeys(detail), { cause });
    this.code = code;
    this.status = status ?? problemTypes[code].status;
    this.receivedStatus = receivedStatus;
    this.#members = Object.fromEntries(
      Object.entries(members).map(([name, value]) => [name, value && maskKeys(value)]),
    );
    this.challenge = challenge;
    this.retryAfter = retryAfter;
    this.text = text;
    this.client = client;
  }

  /** The value of `Proxy-Status` (RFC 9209). */
  get proxyStatus(): string {
    const received = this.receivedStatus === undefined ? '' : `; received-status=${this.receivedStatus}`;
    return `maas-auth-proxy; error=${problemTypes[this.code].proxyError}${received}`;
  }

  /** The document that the client gets. */
  document(requestId: string): ProblemDocument {
    return {
      type: `urn:problem-type:maas-auth-proxy:${this.code}`,
      title: titleOf(this.code),
      status: this.status,
      detail: this.message,
      code: this.code,
      requestId,
      ...this.#members,
    };
  }
}
