import type { Case } from './case.ts';
import type { Verdict } from './judge.ts';

/** What a reader needs to understand a failure: why, and the bytes on both sides. */
export function transcript(each: Case, { reasons, seen, outcome }: Verdict): string {
  const requests = seen.arrivals.map(
    ({ method, target, version, fields, body, complete }) =>
      `${shown(`${method} ${target} ${version}`)}${complete ? '' : ' (incomplete)'}\n` +
      fields.map(([name, value]) => `      ${shown(`${name}: ${value}`)}\n`).join('') +
      `      body ${shown(body)}`,
  );
  return [
    `${each.id}: ${each.title} (${each.section}, ${each.level})`,
    `  seen: ${outcome}`,
    ...reasons.map((reason) => `  ${reason}`),
    `  the client sent ${shown(seen.sent)}`,
    `  the client got  ${shown(seen.bytes)} (${seen.ending})`,
    ...requests.map((request) => `  MAAS got ${request}`),
  ].join('\n');
}

function shown(text: string): string {
  const cut = text.length > 1200 ? `${text.slice(0, 700)} … ${text.slice(-200)}` : text;
  return JSON.stringify(cut);
}
