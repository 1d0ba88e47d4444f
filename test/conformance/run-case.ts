import { readAnswers, type Answered, type Ending } from './answers.ts';
import type { Case, ClientStep } from './case.ts';
import { judge, judgeClient, type Verdict } from './judge.ts';
import { connectRaw, type RawClient } from './raw-client.ts';
import type { RawOrigin } from './raw-origin.ts';
import type { Target } from './targets/target.ts';
import { get, ok } from './cases/words.ts';

/** A program under test with a MAAS's side of its own. Cases run on it one after the other. */
export interface Lane {
  readonly target: Target;
  readonly origin: RawOrigin;
}

/** How long the client waits for what ought to come, ms. */
const patience = 2500;
/** How long nothing more must come before it counts as all, ms. */
const silence = 200;
/** How long a case may take, ms. */
const limit = 5000;

/** Runs a case: what the client got and what MAAS's side received, held against what may come of it. */
export async function runCase({ target, origin }: Lane, each: Case): Promise<Verdict> {
  origin.begin({ answers: each.maas ?? [ok], after: each.maasAnswersAfter ?? 'request' });
  const deadline = performance.now() + limit;
  const client = await connectRaw(target.port);
  const steps = typeof each.send === 'string' ? [{ send: each.send }] : each.send;
  const methods = each.methods ?? [firstMethod(steps)];
  const answers = (): Answered[] => readAnswers(client.bytes(), methods, client.ending());
  for (const step of steps) {
    if (!(await take(step, { client, origin, target, answers, deadline }))) break;
  }

  const fits = (ending: Ending): boolean => {
    const seen = { answers: answers(), bytes: client.bytes(), ending };
    return each.expect.some((outcome) => judgeClient(outcome, seen).length === 0);
  };
  let poked = false;
  for (;;) {
    if (client.ending() !== 'open') break;
    const left = deadline - performance.now();
    if (left <= 0) break;
    const before = client.bytes().length;
    const enough = fits(client.ending());
    const allButClosed = !enough && fits('closed');
    await client.change(Math.min(left, enough || (allButClosed && !poked) ? silence : patience));
    if (client.bytes().length > before || client.ending() !== 'open') continue;
    if (!allButClosed || poked || answers().length === 0) break;
    poked = true;
    client.send(filledIn(get(), target));
  }
  const lingers = poked && client.ending() === 'open' && fits('closed');
  const seen = { answers: answers(), bytes: client.bytes(), ending: lingers ? ('closed' as const) : client.ending() };
  if (client.ending() !== 'reset') client.halfClose();
  const arrivals = await origin.finish();
  return judge(each.expect, { ...seen, arrivals, sent: sentBy(steps, target) });
}

interface Scene {
  readonly client: RawClient;
  readonly origin: RawOrigin;
  readonly target: Target;
  readonly answers: () => Answered[];
  readonly deadline: number;
}

/** @returns whether the client goes on to its next step */
async function take(step: ClientStep, { client, origin, target, answers, deadline }: Scene): Promise<boolean> {
  if ('send' in step) {
    client.send(filledIn(step.send, target));
  } else if ('halfClose' in step) {
    client.halfClose();
  } else if ('abort' in step) {
    client.abort();
  } else if ('awaitMaas' in step) {
    await origin.received(step.awaitMaas, patience);
  } else {
    const came = (): boolean =>
      'awaitAnswers' in step
        ? answers().filter(({ complete }) => complete).length >= step.awaitAnswers
        : answers().some(({ complete, interim }) => complete || interim.includes(step.awaitInterim));
    while (!came() && client.ending() === 'open') {
      const before = client.bytes().length;
      await client.change(Math.min(patience, deadline - performance.now()));
      if (client.bytes().length === before) break;
    }
    return !('awaitInterim' in step && answers().some(({ complete }) => complete));
  }
  return true;
}

function filledIn(text: string, { port }: Target): string {
  return text.replaceAll('{host}', `127.0.0.1:${port}`).replaceAll('{port}', String(port));
}

function sentBy(steps: readonly ClientStep[], target: Target): string {
  return steps.map((step) => ('send' in step ? filledIn(step.send, target) : `<${JSON.stringify(step)}>`)).join('');
}

function firstMethod(steps: readonly ClientStep[]): string {
  const [first] = steps;
  return (first !== undefined && 'send' in first && /^(?:\r\n)*(\S+) /.exec(first.send)?.[1]) || 'GET';
}
