const units: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

/** Reads a time span such as `30d`, `24h`, `90m`. @returns ms, `undefined` where it is none */
export function parseDuration(text: string): number | undefined {
  const [, number, unit] = /^(\d{1,6})([smhdw])$/.exec(text.trim()) ?? [];
  const factor = units[unit ?? ''];
  return number === undefined || factor === undefined ? undefined : Number(number) * factor;
}

/**
 * Reads an end: a span from now, or a date such as `2027-01-31`, which is its last second in UTC.
 *
 * @param now ms since 1970
 * @returns the moment, ISO 8601; `undefined` where it is neither
 */
export function parseEnd(text: string, now: number): string | undefined {
  const span = parseDuration(text);
  if (span !== undefined) return new Date(now + span).toISOString();
  if (!/^\d{4}-\d{2}-\d{2}(?:T[\d:.]+Z)?$/.test(text.trim())) return undefined;
  const date = new Date(text.trim().length === 10 ? `${text.trim()}T23:59:59Z` : text.trim());
  return Number.isNaN(date.getTime()) ? undefined : date.toISOString();
}
