import type { Answered, Ending } from './answers.ts';
import type { AnswerExpected, Outcome, RequestExpected } from './case.ts';
import { valuesOf, type Field } from './message.ts';
import type { Arrival } from './raw-origin.ts';

/** What the client got. */
export interface ClientSaw {
  readonly answers: readonly Answered[];
  readonly bytes: string;
  readonly ending: Ending;
}

/** What was seen on both sides. */
export interface Seen extends ClientSaw {
  readonly sent: string;
  readonly arrivals: readonly Arrival[];
}

/** The judgement on a case. */
export interface Verdict {
  readonly passed: boolean;
  /** The outcome that came about, by its label, or what was seen instead. */
  readonly outcome: string;
  /** Why no outcome fits, for each of them. */
  readonly reasons: readonly string[];
  readonly seen: Seen;
}

/** Holds what was seen against what may come of a case. */
export function judge(outcomes: readonly Outcome[], seen: Seen): Verdict {
  const malformed = seen.arrivals
    .filter(({ complete }) => complete)
    .flatMap(({ faults }) => faults.map((fault) => `MAAS received ${fault}`));
  const reasons: string[] = [];
  for (const outcome of outcomes) {
    const against = [...judgeClient(outcome, seen), ...judgeMaas(outcome, seen.arrivals), ...malformed];
    if (against.length === 0) return { passed: true, outcome: outcome.label, reasons: [], seen };
    reasons.push(`not "${outcome.label}": ${against.join('; ')}`);
  }
  return { passed: false, outcome: summary(seen, malformed), reasons, seen };
}

/** What speaks against an outcome on the client's side. */
export function judgeClient(outcome: Outcome, { answers, bytes, ending }: ClientSaw): string[] {
  const against: string[] = [];
  if (outcome.connection === 'open' && ending !== 'open') against.push('the connection is closed');
  if (outcome.connection === 'closed' && ending === 'open') against.push('the connection stays open');
  if (outcome.clientBytes !== undefined) {
    if (!outcome.clientBytes.test(bytes)) against.push('the client gets other bytes');
    return against;
  }
  if (outcome.noSuccess === true) {
    const success = answers.find(({ status, complete }) => status >= 200 && status < 400 && complete);
    if (success !== undefined) against.push(`the client gets ${success.status}`);
  }
  if (outcome.client === undefined) return against;
  if (answers.length !== outcome.client.length) {
    against.push(`${answers.length} answers instead of ${outcome.client.length}`);
  }
  for (const [index, expected] of outcome.client.entries()) {
    const answer = answers[index];
    if (answer !== undefined) against.push(...judgeAnswer(expected, answer));
  }
  return against;
}

function judgeAnswer(expected: AnswerExpected, answer: Answered): string[] {
  const against = [...answer.faults.map((fault) => `the answer has ${fault}`), ...judgeFields(expected, answer.fields)];
  const statuses = expected.status === undefined ? [answer.status] : [expected.status].flat();
  if (!statuses.includes(answer.status)) against.push(`status ${answer.status}`);
  if (expected.statusLine?.test(answer.statusLine) === false) against.push(`the status line ${answer.statusLine}`);
  if (expected.broken !== undefined && answer.complete) against.push('the transfer looks complete');
  if (expected.broken === undefined && !answer.complete) against.push('the transfer breaks off');
  if (expected.body !== undefined && !matches(answer.body, expected.body)) {
    against.push(`the body is ${shown(answer.body)}`);
  }
  const interim = expected.interim ?? [];
  // A gateway that passes MAAS's 100 (Continue) on may have sent one of its own before.
  if (interim.join() !== [...new Set(answer.interim)].join())
    against.push(`interim answers: ${answer.interim.join() || 'none'}`);
  return against;
}

function judgeMaas(outcome: Outcome, arrivals: readonly Arrival[]): string[] {
  const whole = arrivals.filter(({ complete }) => complete);
  const against: string[] = [];
  if (outcome.maasInTurn === true && whole.some(({ unanswered }) => unanswered > 0)) {
    against.push('MAAS gets a request before the one before it is answered');
  }
  if (outcome.maasAtLeast !== undefined && whole.length < outcome.maasAtLeast) {
    against.push(`MAAS gets ${whole.length} requests`);
  }
  if (outcome.maas === undefined) return against;
  if (outcome.maasAtLeast === undefined && whole.length !== outcome.maas.length) {
    against.push(`MAAS gets ${whole.length} requests instead of ${outcome.maas.length}`);
  }
  for (const [index, expected] of outcome.maas.entries()) {
    const request = whole[index];
    if (request !== undefined) against.push(...judgeRequest(expected, request));
  }
  return against;
}

function judgeRequest(expected: RequestExpected, request: Arrival): string[] {
  const against = judgeFields(expected, request.fields);
  for (const part of ['method', 'target', 'version', 'body'] as const) {
    const want = expected[part];
    if (want !== undefined && !matches(request[part], want)) against.push(`MAAS gets ${part} ${shown(request[part])}`);
  }
  const codings = valuesOf(request.fields, 'transfer-encoding').join(', ');
  if (codings !== '' && codings.toLowerCase() !== (expected.transferEncoding ?? 'chunked')) {
    against.push(`MAAS gets Transfer-Encoding: ${codings}`);
  }
  return against;
}

function judgeFields(
  { has = {}, lacks = [], joined = {} }: Pick<RequestExpected, 'has' | 'lacks' | 'joined'>,
  fields: readonly Field[],
): string[] {
  const against: string[] = [];
  for (const [name, want] of Object.entries(has)) {
    const values = valuesOf(fields, name);
    if (values.length !== 1) against.push(`${values.length} ${name} fields`);
    else if (!matches(values[0] ?? '', want)) against.push(`${name}: ${values[0]}`);
  }
  for (const name of lacks) {
    const values = valuesOf(fields, name);
    if (values.length > 0) against.push(`${name}: ${values.join(', ')} is there`);
  }
  for (const [name, want] of Object.entries(joined)) {
    const value = valuesOf(fields, name).join(', ');
    if (!matches(value.replaceAll(/, */g, ', '), want)) against.push(`${name}: ${value}`);
  }
  return against;
}

function matches(value: string, want: string | RegExp): boolean {
  return typeof want === 'string' ? value === want : want.test(value);
}

function shown(text: string): string {
  return text.length > 60 ? `${JSON.stringify(text.slice(0, 60))}… (${text.length} bytes)` : JSON.stringify(text);
}

/** What was seen, in a few words for a table. */
function summary({ answers, ending, arrivals, bytes }: Seen, malformed: readonly string[]): string {
  const statuses = answers.map(({ status, complete, interim }) =>
    [...interim, status === 0 ? 'bytes that are no response' : complete ? status : `${status} cut off`].join('+'),
  );
  const whole = arrivals.filter(({ complete }) => complete).length;
  return [
    bytes === '' ? 'no response' : statuses.join(', '),
    ending === 'open' ? 'open' : ending,
    `MAAS got ${whole}`,
    ...malformed.slice(0, 1).map((fault) => (fault.length > 60 ? `${fault.slice(0, 60)}…` : fault)),
  ].join(' · ');
}
