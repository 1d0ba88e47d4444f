import type { Exchange } from '../exchange.ts';
import { Problem } from '../problem.ts';
import { headerMemory, maxFields, type HeaderBudget } from './header-budget.ts';

/** The largest header section of a request, and the longest target in it, bytes: enough for long `id=` lists. */
const maxHead = 64 * 1024;

/**
 * Headers up to this size, bytes, with at most so many fields are not counted: the bound on connections covers them.
 */
const small = { size: 4 * 1024, fields: 50 };

/** `Retry-After` of a request whose headers exceeded the memory budget, s. */
const retryAfter = 5;

/**
 * Step 0: is this one HTTP/1 message that everybody reads alike? Node's parser accepts a few that RFC 9112 does not
 * allow, or that MAAS's side could read differently. After such a message nobody knows where the next one begins.
 */
export function createMessageCheck(budget: HeaderBudget): (exchange: Exchange) => void {
  return (exchange) => {
    const fault = findFault(exchange, budget);
    if (fault !== undefined) {
      exchange.connection.mustClose = true;
      throw fault;
    }
    // RFC 9110 §9.3.8.
    if (exchange.method === 'TRACE') {
      throw new Problem('method-not-forwarded', 'TRACE would have MAAS send the signature back; use another method.');
    }
  };
}

function findFault(exchange: Exchange, budget: HeaderBudget): Problem | undefined {
  const { request, method, target } = exchange;
  const { httpVersion, headers, rawHeaders } = request;
  if (httpVersion === '0.9') {
    return new Problem('malformed-request', 'The request line must end with the protocol version, HTTP/1.1.');
  }
  if (httpVersion !== '1.1' && httpVersion !== '1.0') {
    return new Problem('version-not-supported', 'This port speaks HTTP/1.1.');
  }
  if (target.length > maxHead) {
    return new Problem(
      'target-too-long',
      "The address must stay below 64 KiB here, and MAAS's own web server takes 8 KiB (about 700 ids): ask in several requests, or by a filter such as zone, pool or tags.",
    );
  }
  let size = target.length;
  let types = 0;
  for (const [index, part] of rawHeaders.entries()) {
    size += part.length + 2; // ": " or CRLF
    if (index % 2 === 0 && part.length === 12 && part.toLowerCase() === 'content-type') types += 1;
  }
  if (size > maxHead) return headersTooLarge();
  const fields = rawHeaders.length / 2;
  if (fields > maxFields) return tooManyFields();
  if ((size > small.size || fields > small.fields) && !reserve(exchange, budget)) return memoryExhausted();
  // The proxy could use one of them, MAAS another, and take the body for something else.
  if (types > 1) return new Problem('malformed-request', 'The request must have one Content-Type, not two.');

  const coding = headers['transfer-encoding'];
  if (coding !== undefined) {
    // RFC 9112 §6.1: with HTTP/1.0 the framing must be treated as faulty.
    if (httpVersion === '1.0') return new Problem('malformed-request', 'HTTP/1.0 has no Transfer-Encoding.');
    if (coding.trim() === '') return new Problem('malformed-request', 'Transfer-Encoding must not be empty.');
    if (!/^chunked\s*,?$/i.test(coding)) {
      return new Problem('coding-not-supported', 'The only transfer coding that is understood is "chunked".');
    }
  }
  if (method === 'OPTIONS' && headers['max-forwards']?.toString() === '0') {
    return new Problem('no-more-forwards', 'Max-Forwards is 0, so the request ends here.');
  }
  return undefined;
}

/** Counts large headers until their request ends. @returns whether the budget allowed them */
function reserve(exchange: Exchange, budget: HeaderBudget): boolean {
  const bytes = headerMemory(exchange.request);
  if (!budget.acquire(bytes)) return false;
  exchange.onEnd(() => budget.release(bytes));
  return true;
}

function tooManyFields(): Problem {
  return new Problem('headers-too-large', `A request may have ${maxFields} header fields, and this one has more.`);
}

function memoryExhausted(): Problem {
  return new Problem(
    'limit-reached',
    'The proxy already holds as many large request headers as it may; send this request again in a while. It has not been sent to MAAS.',
    { status: 503, retryAfter },
  );
}

/** The problem of a header section that is too large. */
export function headersTooLarge(): Problem {
  return new Problem('headers-too-large', 'Address and headers together must stay below 64 KiB.');
}
