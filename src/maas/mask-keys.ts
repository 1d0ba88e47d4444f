/**
 * The shortest part of a key, characters: MAAS's parts have 18, 18 and 32; shorter ones may be times, addresses or
 * MACs.
 */
const shortestPart = 8;

const shown = '(key)';

/**
 * Masks everything in a text that looks like an API key: three or more parts, each of at least 8 characters that a key
 * may have, with colons between them. Colons and characters may be percent-encoded, also more than once. It is for
 * every text that repeats something from outside, and takes linear time for any text.
 */
export function maskKeys(text: string): string {
  if (!mayHoldKey(text)) return text;
  let masked = '';
  let copied = 0;
  for (const { start, end } of findKeys(text)) {
    masked += text.slice(copied, start) + shown;
    copied = end;
  }
  return masked + text.slice(copied);
}

/** Whether something in a text looks like an API key. */
export function holdsKey(text: string): boolean {
  return mayHoldKey(text) && findKeys(text).length > 0;
}

/** Decides most texts quickly. */
function mayHoldKey(text: string): boolean {
  return text.length > 3 * shortestPart && (text.includes(':') || text.includes('3A') || text.includes('3a'));
}

/** The ranges of keys in a text, from the first character to behind the last. */
function findKeys(text: string): { start: number; end: number }[] {
  const found: { start: number; end: number }[] = [];
  /** The current sequence of parts: where it begins, how many parts are complete, and how long the last one is. */
  let start = 0;
  let parts = 0;
  let length = 0;
  const endSequence = (end: number): void => {
    if (parts + (length >= shortestPart ? 1 : 0) >= 3) found.push({ start, end });
    parts = 0;
    length = 0;
  };
  for (let at = 0; at < text.length;) {
    const { code, next } = characterAt(text, at);
    if (isPartOfKey(code)) {
      if (parts === 0 && length === 0) start = at;
      length += 1;
    } else if (code === colon && length >= shortestPart) {
      parts += 1;
      length = 0;
    } else endSequence(at);
    at = next;
  }
  endSequence(text.length);
  return found;
}

const colon = 0x3a;
const percent = 0x25;

/**
 * The character at an index, percent-decoded as often as it is encoded (`%253A` is a colon too), and the index of the
 * next one.
 */
function characterAt(text: string, at: number): { code: number; next: number } {
  const code = text.charCodeAt(at);
  if (code !== percent) return { code, next: at + 1 };
  let digits = at + 1;
  while (text.startsWith('25', digits)) digits += 2;
  const value = hexDigit(text.charCodeAt(digits)) * 16 + hexDigit(text.charCodeAt(digits + 1));
  return Number.isNaN(value) ? { code, next: at + 1 } : { code: value, next: digits + 2 };
}

function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const letter = code | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : Number.NaN;
}

/** The characters of RFC 3986's `unreserved`, which a key may have. */
function isPartOfKey(code: number): boolean {
  const letter = code | 0x20;
  return (
    (letter >= 0x61 && letter <= 0x7a) ||
    (code >= 0x30 && code <= 0x39) ||
    code === 0x2d ||
    code === 0x2e ||
    code === 0x5f ||
    code === 0x7e
  );
}
