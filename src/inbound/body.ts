import type { IncomingMessage } from 'node:http';
import { hasBody, readBody } from '../client-body.ts';
import type { Exchange, Step } from '../exchange.ts';
import { isSignatureOverride } from '../maas/api-path.ts';
import { jsonToForm } from '../maas/json-form.ts';
import { readsFormOnly } from '../maas/operation.ts';
import { Problem } from '../problem.ts';

/** The largest body that MAAS's web server takes, bytes. */
export const maxBody = 10 * 1024 * 1024;

/**
 * Step 6, the body: one that came in chunks is read whole, because MAAS wants a length; JSON for an operation that reads
 * a form is made the form, because MAAS would ignore it without a word. Every other body is left to stream.
 *
 * @param convertsJson whether JSON is made a form at all
 */
export function body(convertsJson: boolean): Step {
  return (exchange) => {
    const { request, method } = exchange;
    if (method === 'GET' || method === 'HEAD' || !hasBody(request)) return undefined;
    const isChunked = request.headers['transfer-encoding'] !== undefined;
    const isJson = convertsJson && method === 'POST' && isPlainJson(request) && readsFormOnly(apiPath(exchange));
    return isChunked || isJson ? take(exchange, isJson) : undefined;
  };
}

async function take(exchange: Exchange, isJson: boolean): Promise<void> {
  const read = await readBody(exchange.request, maxBody);
  if (!isJson) {
    exchange.body = read;
    return;
  }
  const form = jsonToForm(read);
  if (typeof form !== 'string') {
    throw form.fault === 'not-json'
      ? new Problem('malformed-json', 'The body is not valid JSON in UTF-8, though its Content-Type says so.')
      : new Problem(
          'json-not-an-object',
          'MAAS reads the body of this operation as a form: send a form, or a JSON object, whose members become its fields.',
        );
  }
  refuseReservedFields(form);
  exchange.body = Buffer.from(form);
  exchange.contentType = 'application/x-www-form-urlencoded';
}

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
