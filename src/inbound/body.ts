import type { IncomingMessage } from 'node:http';
import { joined } from '../byte-blocks.ts';
import { hasBody } from '../client-body.ts';
import type { Exchange } from '../exchange.ts';
import { isSignatureOverride } from '../maas/api-path.ts';
import { jsonToForm, type JsonFormFault } from '../maas/json-form.ts';
import { readsFormOnly } from '../maas/operation.ts';
import { Problem } from '../problem.ts';
import { smallBody, type WholeBody } from './whole-body.ts';

/**
 * Takes the body of a request in, where it is needed whole, and does nothing where that is done already.
 *
 * @param isNeeded it is needed whole in any case, to be looked into
 */
export type TakeBody = (exchange: Exchange, isNeeded?: boolean) => void | Promise<void>;

/**
 * Step 6, the body: one that came in chunks is read whole, because MAAS wants a length; a small one, so that nobody holds a slot at MAAS
 * while it is still to come; JSON for an operation that reads a form is made the form, because MAAS would ignore it without a
 * word. Every other body is left to stream.
 *
 * @param convertsJson whether JSON is made a form at all
 */
export function body(convertsJson: boolean, wholeBody: WholeBody): TakeBody {
  return (exchange, isNeeded = false) => {
    const { request, method } = exchange;
    if (exchange.body !== undefined || method === 'GET' || method === 'HEAD' || !hasBody(request)) return undefined;
    const isJson = convertsJson && method === 'POST' && isPlainJson(request) && readsFormOnly(apiPath(exchange));
    const isRead = isNeeded || isJson || isChunked(request) || Number(request.headers['content-length']) <= smallBody;
    return isRead ? take(exchange, wholeBody, isJson) : undefined;
  };
}

function isChunked({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined;
}

async function take(exchange: Exchange, wholeBody: WholeBody, isJson: boolean): Promise<void> {
  exchange.body = await wholeBody(exchange);
  if (!isJson) return;
  const form = jsonToForm(joined(exchange.body));
  if (typeof form !== 'string') throw faults[form.fault]();
  refuseReservedFields(form);
  exchange.body = [Buffer.from(form)];
  exchange.contentType = 'application/x-www-form-urlencoded';
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

/** As a form field these names would mean what they do not mean in JSON: another operation, another signature. */
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

function isPlainJson({ headers }: IncomingMessage): boolean {
  const type = headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase();
  return type === 'application/json' && headers['content-encoding'] === undefined;
}

function apiPath(exchange: Exchange): NonNullable<Exchange['apiPath']> {
  if (exchange.apiPath === undefined) throw new Error('the body step needs the address step before it');
  return exchange.apiPath;
}
