import type { IncomingMessage } from 'node:http';
import { concatBlocks, sizeOf } from '../http/byte-blocks.ts';
import { hasBody } from '../http/request-body.ts';
import type { Exchange } from '../exchange.ts';
import type { ClientIdentity } from '../clients/identity.ts';
import { connectionOptions } from '../http/hop-by-hop.ts';
import { isSignatureOverride } from '../maas/api-path.ts';
import { jsonToForm, maxJson, type JsonFormFault } from '../maas/forms/json-form.ts';
import { readsFormOnly, type Operation } from '../maas/operations/operation.ts';
import { Problem } from '../problem.ts';
import type { Addressed } from './address.ts';
import { smallBody, type BufferBody } from './buffered-body.ts';

/** The body of a request, as it goes to MAAS. */
export interface RequestBody {
  /** The buffered body, in one piece or several; `undefined` if it streams, or there is none. */
  readonly pieces: readonly Buffer[] | undefined;
  /** Its type, if that is no longer the client's. */
  readonly contentType: string | undefined;
}

/**
 * Reads the body of a request, if it must be buffered.
 *
 * @param isNeeded it must be buffered in any case, to be inspected
 */
export type ReadBody = (
  exchange: Exchange,
  addressed: Pick<Addressed, 'operation'>,
  identity: ClientIdentity,
  isNeeded?: boolean,
) => RequestBody | Promise<RequestBody>;

/** The body streams, or there is none. */
const streamed: RequestBody = { pieces: undefined, contentType: undefined };

/**
 * Creates the reader of bodies. Three are buffered: a chunked body, because MAAS needs a length; a small body, so that
 * no request holds a slot at MAAS while its body is still to come; and JSON for an operation that reads a form. Such
 * JSON is converted to the form, because MAAS would silently ignore it. Every other body streams.
 *
 * @param convertsJson whether JSON is converted
 */
export function createBodyReader(convertsJson: boolean, bufferBody: BufferBody): ReadBody {
  return (exchange, { operation }, identity, isNeeded = false) => {
    const { request, method } = exchange;
    if (method === 'GET' || method === 'HEAD' || !hasBody(request)) return streamed;
    const length = Number(request.headers['content-length']);
    const json = convertsJson && method === 'POST' ? jsonIn(request, operation) : undefined;
    const isInspected = isNeeded || json === 'declared' || (json === 'possible' && length <= maxJson);
    if (!isInspected && !isChunked(request) && length > smallBody) return streamed;
    return bufferBody(exchange, identity).then((pieces) => convert(pieces, json));
  };
}

/** The Content-Type that MAAS gets: the client's, unless its `Connection` field names Content-Type. */
export function contentTypeOf({ request: { headers } }: Exchange, body = streamed): string | undefined {
  if (body.contentType !== undefined) return body.contentType;
  return connectionOptions(headers.connection)?.has('content-type') === true ? undefined : headers['content-type'];
}

/**
 * Whether a body may be JSON that MAAS would ignore: its type says so, or it has the type that `curl -d` sends for
 * everything. MAAS would respond 200 without doing what the JSON says.
 */
function jsonIn({ headers }: IncomingMessage, operation: Operation): 'declared' | 'possible' | undefined {
  if (headers['content-encoding'] !== undefined) return undefined;
  const type = headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase();
  if (type !== 'application/json' && type !== formType) return undefined;
  if (!readsFormOnly(operation)) return undefined;
  return type === formType ? 'possible' : 'declared';
}

const formType = 'application/x-www-form-urlencoded';

function isChunked({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined;
}

function convert(pieces: readonly Buffer[], json: 'declared' | 'possible' | undefined): RequestBody {
  const unchanged = { pieces, contentType: undefined };
  if (json === undefined || (json === 'possible' && !beginsAsObject(pieces))) return unchanged;
  const form = jsonToForm(concatBlocks(pieces));
  if (typeof form !== 'string') {
    // A form that begins with a brace is still a form. A form that is one JSON object as a whole has no field that MAAS
    // knows.
    if (json === 'possible' && (sizeOf(pieces) > maxJson || form.fault === 'not-json')) return unchanged;
    throw faults[form.fault]();
  }
  refuseReservedFields(form);
  return { pieces: [Buffer.from(form)], contentType: formType };
}

/** Whether the first byte that is not white space is a brace. */
function beginsAsObject([first]: readonly Buffer[]): boolean {
  return first !== undefined && /^\s*\{/.test(first.toString('latin1', 0, 100));
}

const faults: Readonly<Record<JsonFormFault, () => Problem>> = {
  'not-json': () =>
    new Problem('malformed-json', 'The body is not valid JSON in UTF-8, though its Content-Type says so.'),
  'not-an-object': () =>
    new Problem(
      'json-not-an-object',
      'MAAS reads the body of this operation as a form: send a form, or a JSON object, whose members become its fields.',
    ),
  'too-large': () =>
    new Problem(
      'body-too-large',
      'JSON that is to become a form may have 2 MiB and 5,000 values; send as a form what is larger.',
    ),
  'too-deep': () =>
    new Problem(
      'malformed-json',
      'JSON that is to become a form may be nested 500 deep; send less deeply nested JSON.',
    ),
};

/** As form fields these names would mean something else than in JSON: another operation, another signature. */
function refuseReservedFields(form: string): void {
  for (const name of new URLSearchParams(form).keys()) {
    if (name === 'op') {
      throw new Problem('json-not-an-object', 'Name the operation in the query or in the path, not as "op" in JSON.');
    }
    if (isSignatureOverride(name)) {
      throw new Problem(
        'signature-override',
        `MAAS would take the field "${name}" for a part of the signature; leave it out.`,
      );
    }
  }
}
