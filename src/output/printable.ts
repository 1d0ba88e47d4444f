// Text from outside, made safe for a terminal.

/**
 * Control characters, and those that reverse the direction of text or are invisible: they could fool a terminal or a
 * reader.
 */
const unseen = /(?!\t)[\p{Cc}\p{Cf}\u2028\u2029]/gu;

/**
 * Text from outside, such as a `Server` field or a version, made short, on one line, and without control characters.
 */
export function printable(text: string): string {
  const clean = text.replaceAll(unseen, ' ').replaceAll(/\s+/g, ' ').trim();
  return clean.length > 80 ? `${clean.slice(0, 80)}…` : clean;
}

/**
 * Lines, made safe for a terminal: control and invisible characters are escaped, as `\u001b`. In JSON this means the
 * same.
 */
export function visible(lines: string): string {
  return lines.replaceAll(unseen, (character) => (character === '\n' ? character : escaped(character)));
}

function escaped(character: string): string {
  return character
    .split('')
    .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
    .join('');
}
