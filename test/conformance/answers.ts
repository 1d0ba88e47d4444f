import { readChunked, readHead, readLength, valuesOf, type Body, type Field } from './message.ts';

/** An answer as the client got it. */
export interface Answered {
  readonly statusLine: string;
  /** 0 where the status line is none. */
  readonly status: number;
  readonly fields: readonly Field[];
  readonly body: string;
  readonly complete: boolean;
  /** The statuses of the interim answers before it. */
  readonly interim: readonly number[];
  readonly faults: readonly string[];
}

/** How a client's connection ended: not yet, in good order, or by a reset. */
export type Ending = 'open' | 'closed' | 'reset';

/**
 * Reads the answers of one connection.
 *
 * @param methods of the requests that are answered; the last one goes for all that follow
 */
export function readAnswers(bytes: string, methods: readonly string[], ending: Ending): Answered[] {
  const answers: Answered[] = [];
  let interim: number[] = [];
  for (let at = 0; at < bytes.length;) {
    const head = readHead(bytes, at);
    const [, digits] = /^HTTP\/1\.[01] (\d{3}) /.exec(head?.startLine ?? '') ?? [];
    if (head === undefined || digits === undefined) {
      const startLine = /^[^\r\n]{0,80}/.exec(bytes.slice(at))?.[0] ?? '';
      return [...answers, { ...noAnswer, statusLine: startLine, interim }];
    }
    const status = Number(digits);
    if (status >= 100 && status < 200 && status !== 101) {
      interim.push(status);
      at = head.end;
      continue;
    }
    const method = methods[answers.length] ?? methods.at(-1) ?? 'GET';
    const body = readBody(bytes, head.end, head.fields, { method, status, ending });
    const { startLine: statusLine, fields } = head;
    const faults = [...head.faults, ...body.faults];
    answers.push({ statusLine, status, fields, body: body.text, complete: body.complete, interim, faults });
    interim = [];
    at = body.end;
  }
  return interim.length === 0 ? answers : [...answers, { ...noAnswer, interim }];
}

const noAnswer: Answered = {
  statusLine: '',
  status: 0,
  fields: [],
  body: '',
  complete: false,
  interim: [],
  faults: ['not an HTTP answer'],
};

/** RFC 9112 §6.3. */
function readBody(
  bytes: string,
  from: number,
  fields: readonly Field[],
  { method, status, ending }: { method: string; status: number; ending: Ending },
): Body {
  const lengths = valuesOf(fields, 'content-length');
  const codings = valuesOf(fields, 'transfer-encoding');
  const faults: string[] = [];
  if (lengths.length > 0 && codings.length > 0) faults.push('Content-Length beside Transfer-Encoding');
  if (lengths.length > 1 || lengths.some((length) => !/^\d+$/.test(length))) faults.push('Content-Length');
  if (method === 'HEAD' || status === 204 || status === 304 || status === 101) {
    return { text: '', complete: true, faults, end: from };
  }
  if (codings.length > 0) {
    const body = readChunked(bytes, from);
    return { ...body, faults: [...faults, ...body.faults] };
  }
  if (lengths.length > 0) return { ...readLength(bytes, from, Number(lengths[0])), faults };
  return { text: bytes.slice(from), complete: ending === 'closed', faults, end: bytes.length };
}
