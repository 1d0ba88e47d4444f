import { readChunked, readHead, readLength, valuesOf, type Body, type Field } from './message.ts';

/** A request as it arrived at MAAS's side. */
export interface Received {
  readonly method: string;
  readonly target: string;
  readonly version: string;
  readonly fields: readonly Field[];
  readonly body: string;
  readonly complete: boolean;
  /** What is wrong with it: two servers could read it in two ways. */
  readonly faults: readonly string[];
  readonly end: number;
}

/** Reads the requests of one connection; the last one may be incomplete. */
export function readRequests(bytes: string): Received[] {
  const requests: Received[] = [];
  for (let at = 0; ;) {
    const request = readRequest(bytes, at);
    if (request === undefined) return requests;
    requests.push(request);
    if (!request.complete) return requests;
    at = request.end;
  }
}

function readRequest(bytes: string, from: number): Received | undefined {
  const head = readHead(bytes, from);
  if (head === undefined) return undefined;
  const { startLine, fields } = head;
  const [, method = '', target = '', version = ''] = /^(\S*) (.*) (\S*)$/.exec(startLine) ?? [];
  const faults = [...head.faults];
  if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]+ [\x21-\x7e]+ HTTP\/1\.[01]$/.test(startLine)) {
    faults.push(`the request line ${JSON.stringify(startLine.slice(0, 80))}`);
  }
  const hosts = valuesOf(fields, 'host').length;
  if (hosts !== 1) faults.push(`${hosts} Host fields`);
  const body = readBody(bytes, head.end, fields);
  faults.push(...body.faults);
  return { method, target, version, fields, body: body.text, complete: body.complete, faults, end: body.end };
}

function readBody(bytes: string, from: number, fields: readonly Field[]): Body {
  const lengths = valuesOf(fields, 'content-length');
  const codings = valuesOf(fields, 'transfer-encoding');
  const faults: string[] = [];
  if (lengths.length > 0 && codings.length > 0) faults.push('Content-Length beside Transfer-Encoding');
  if (lengths.length > 1) faults.push('several Content-Length fields');
  if (lengths.some((length) => !/^\d+$/.test(length))) faults.push(`Content-Length: ${lengths.join()}`);
  if (codings.length > 1) faults.push('several Transfer-Encoding fields');
  const chunked = /(?:^|,)\s*chunked[\s,]*$/i.test(codings.at(-1) ?? '');
  const body = chunked
    ? readChunked(bytes, from)
    : readLength(bytes, from, Number.parseInt(lengths[0] ?? '0', 10) || 0);
  return { ...body, faults: [...faults, ...body.faults] };
}
