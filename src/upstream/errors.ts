import { Problem, type ProblemCode } from '../problem.ts';

const caFile = '--ca-file (MAAS_CA_FILE)';

/** This process or machine has no free file descriptors or ports: not MAAS's fault. */
export const outOfDescriptors = /^(?:EMFILE|ENFILE)$/;

/** An open connection was closed or reset. Not a timeout: MAAS may still be working on the request. */
export const brokenConnection = /^(?:ECONNRESET|EPIPE|ECONNABORTED|UND_ERR_SOCKET)$/;

/** The problem for each failure of a request to MAAS, by the codes of Node, OpenSSL, llhttp and undici. */
const failureTable: readonly { codes: RegExp; problem: ProblemCode; detail: string }[] = [
  {
    codes: /^(?:ENOTFOUND|EAI_\w+)$/,
    problem: 'maas-unresolved',
    detail: "The name in MAAS_URL cannot be resolved; check its spelling, or this machine's DNS.",
  },
  {
    codes: /^ECONNREFUSED$/,
    problem: 'maas-refused',
    detail: 'Nothing listens at the address in MAAS_URL; check host and port, and that MAAS is running.',
  },
  {
    codes: /^(?:EHOSTUNREACH|ENETUNREACH|EADDRNOTAVAIL|EHOSTDOWN|ENETDOWN|EACCES|EPERM)$/,
    problem: 'maas-unroutable',
    detail: 'This machine has no network route to the address in MAAS_URL; check the network, VPN or firewall.',
  },
  {
    codes: outOfDescriptors,
    problem: 'no-descriptor-left',
    detail:
      'The proxy has as many files and connections open as it may, and could open none to MAAS; try again. A higher limit helps (ulimit -n, LimitNOFILE=).',
  },
  {
    codes: /^(?:UND_ERR_CONNECT_TIMEOUT|ETIMEDOUT)$/,
    problem: 'maas-connect-timeout',
    detail: 'MAAS did not accept the connection in time; check the address in MAAS_URL and the firewall.',
  },
  {
    codes: /^(?:DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_\w+|CERT_UNTRUSTED|INVALID_CA)$/,
    problem: 'maas-certificate-unknown-issuer',
    detail: `MAAS's certificate is not from an authority that this machine trusts; name the file with the authority's certificate by ${caFile}.`,
  },
  {
    codes: /^(?:CERT_HAS_EXPIRED|CERT_NOT_YET_VALID)$/,
    problem: 'maas-certificate-expired',
    detail: "MAAS's certificate is not valid today; renew it on MAAS, or check this machine's clock.",
  },
  {
    codes: /^(?:ERR_TLS_CERT_ALTNAME_INVALID|HOSTNAME_MISMATCH)$/,
    problem: 'maas-certificate-wrong-name',
    detail:
      "MAAS's certificate is for another name than the one in MAAS_URL; use a name that stands in the certificate.",
  },
  {
    codes: /^(?:EPROTO|ERR_SSL_\w+|ERR_TLS_\w+|CERT_\w+)$/,
    problem: 'maas-tls',
    detail:
      'No TLS connection came about; check that MAAS_URL names the TLS port (5443 on most) for https, and the plain one (5240) for http.',
  },
  {
    codes: /^UND_ERR_HEADERS_TIMEOUT$/,
    problem: 'maas-answer-timeout',
    detail:
      'MAAS did not begin its response in time; it may still be working on the request. --upstream-timeout sets how long to wait.',
  },
  {
    codes: /^UND_ERR_BODY_TIMEOUT$/,
    problem: 'maas-body-timeout',
    detail: "MAAS's response stopped half-way. --upstream-timeout sets how long to wait.",
  },
  {
    codes: /^(?:UND_ERR_HEADERS_OVERFLOW|HPE_HEADER_OVERFLOW)$/,
    problem: 'maas-header-too-large',
    detail: "The headers of MAAS's response are larger than 64 KiB; check what stands between the proxy and MAAS.",
  },
  {
    codes: /^(?:HPE_\w+|UND_ERR_RES_CONTENT_LENGTH_MISMATCH|UND_ERR_INFO|ERR_INVALID_CHAR|ERR_HTTP_\w+)$/,
    problem: 'maas-broken-answer',
    detail: 'The response is not valid HTTP; check that MAAS_URL names the port of MAAS.',
  },
  {
    codes: new RegExp(`${brokenConnection.source}|^(?:UND_ERR_DESTROYED|UND_ERR_CLOSED)$`),
    problem: 'maas-reset',
    detail: 'MAAS closed the connection before it sent a response; whether the request has run is not known.',
  },
];

/** Turns an error of a connection to MAAS into the problem for the client. */
export function toProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  const code = errorCode(error);
  const known = failureTable.find(({ codes }) => codes.test(code));
  if (known !== undefined) return new Problem(known.problem, known.detail, { cause: error });
  return new Problem('internal-error', 'The proxy failed on this request; its log says why.', { cause: error });
}

/**
 * The code of an error, or of its cause: `tls` and undici wrap errors, and several tried addresses yield an
 * AggregateError.
 */
export function errorCode(error: unknown): string {
  if (!(error instanceof Error)) return '';
  if ('code' in error && typeof error.code === 'string' && error.code !== 'UND_ERR_ABORTED') {
    // A 100 (Continue) or 101 that was not requested.
    if (error.code === 'UND_ERR_SOCKET' && /^bad (?:response|upgrade)$/.test(error.message)) return 'HPE_INVALID';
    if (error.code === 'UND_ERR_SOCKET' && error.cause !== undefined) return errorCode(error.cause) || error.code;
    return error.code;
  }
  // undici 7 sets this error's code to undefined: llhttp's table of codes has another order.
  if (error.name === 'HTTPParserError') return 'HPE_INVALID';
  if (error instanceof AggregateError && error.errors.length > 0) return errorCode(error.errors[0]);
  return error.cause === undefined ? '' : errorCode(error.cause);
}
