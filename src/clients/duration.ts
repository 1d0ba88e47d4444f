/** Units of a fixed length, ms. */
const fixed: Readonly<Record<string, number>> = {
  s: 1_000,
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

/** Units of the calendar, in months. */
const calendar: Readonly<Record<string, number>> = { mo: 1, y: 12 };

/** The syntax of time spans, for messages. */
export const spanForms = '45min, 12h, 30d, 2w, 3mo or 1y';

/** The last moment with a year of four digits, ms since 1970. */
const lastMoment = Date.parse('9999-12-31T23:59:59Z');

/**
 * Adds a time span to a moment: `45min`, `12h`, `30d`, `2w`, `3mo`, `1y`, or `0`. A month after 31 January is the last
 * day of February.
 *
 * @param from ms since 1970
 * @returns ms since 1970; `undefined` if the text is not a time span, or the result is after the year 9999
 */
export function addSpan(text: string, from: number): number | undefined {
  if (text === '0') return from;
  const [, digits, unit = ''] = /^(\d{1,5})(s|min|h|d|w|mo|y)$/.exec(text) ?? [];
  if (digits === undefined) return undefined;
  const count = Number(digits);
  const ms = fixed[unit];
  const moment = ms === undefined ? addMonths(from, count * (calendar[unit] ?? 0)) : from + count * ms;
  return moment <= lastMoment ? moment : undefined;
}

/** What is wrong with a text that should be a time span: `m` alone is ambiguous. */
export function ambiguousSpan(text: string): string | undefined {
  const [, count] = /^(\d{1,5})m$/i.exec(text) ?? [];
  return count === undefined
    ? undefined
    : `could be ${count} minutes or ${count} months: write ${count}min or ${count}mo`;
}

function addMonths(from: number, months: number): number {
  const moment = new Date(from);
  const day = moment.getUTCDate();
  moment.setUTCMonth(moment.getUTCMonth() + months);
  // JavaScript takes 31 February for 3 March.
  if (moment.getUTCDate() !== day) moment.setUTCDate(0);
  return moment.getTime();
}

/**
 * Reads a date such as `2027-01-31`, which is its last second in UTC, or a moment such as `2027-01-31T18:00:00Z`.
 *
 * @returns ms since 1970; `undefined` if it is neither, or no valid date
 */
export function parseDate(text: string): number | undefined {
  const [, day, time] =
    /^(\d{4}-\d{2}-\d{2})(T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:\d{2}))?$/.exec(text) ?? [];
  // JavaScript takes 31 February for 3 March.
  if (day === undefined || !new Date(Date.parse(`${day}T00:00:00Z`) || 0).toISOString().startsWith(day))
    return undefined;
  const moment = Date.parse(`${day}${time ?? 'T23:59:59Z'}`);
  return Number.isNaN(moment) ? undefined : moment;
}

/**
 * Reads an end: a span from now, a date, or `never`.
 *
 * @param now ms since 1970
 * @returns the moment, ISO 8601, or `never`; `undefined` if it is none of them
 */
export function parseEnd(text: string, now: number): string | undefined {
  if (text === 'never') return text;
  const moment = addSpan(text, now) ?? parseDate(text);
  return moment === undefined ? undefined : new Date(moment).toISOString();
}
