const units: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

/** Reads a time span such as `30d`, `24h`, `90m`, or `0`. @returns ms, `undefined` where it is none */
export function parseDuration(text: string): number | undefined {
  if (text === '0') return 0;
  const [, number, unit] = /^(\d{1,5})([smhdw])$/.exec(text) ?? [];
  const factor = units[unit ?? ''];
  return number === undefined || factor === undefined ? undefined : Number(number) * factor;
}

/**
 * Reads a date such as `2027-01-31`, which is its last second in UTC, or a moment such as `2027-01-31T18:00:00Z`.
 *
 * @returns ms since 1970; `undefined` where it is neither, or on no calendar
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
 * Reads an end: a span from now, or a date.
 *
 * @param now ms since 1970
 * @returns the moment, ISO 8601; `undefined` where it is neither
 */
export function parseEnd(text: string, now: number): string | undefined {
  const span = parseDuration(text);
  const moment = span === undefined ? parseDate(text) : now + span;
  return moment === undefined ? undefined : new Date(moment).toISOString();
}
