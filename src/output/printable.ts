// Text that came from outside, on its way to a terminal.

/** Control characters, and those that turn the direction of text around or show nothing: what a terminal or a reader could be fooled with. */
const unseen = /(?!\t)[\p{Cc}\p{Cf}\u2028\u2029]/gu;

/** Text that a stranger sent, such as a `Server` field or a version: short, on one line, and no commands to the terminal. */
export function printable(text: string): string {
  const clean = text.replaceAll(unseen, ' ').replaceAll(/\s+/g, ' ').trim();
  return clean.length > 80 ? `${clean.slice(0, 80)}…` : clean;
}

/** Lines as a terminal may get them: what it would obey, or not show, is written out, `\u001b` for an escape. Inside JSON this means the same. */
export function visible(lines: string): string {
  return lines.replaceAll(unseen, (character) => (character === '\n' ? character : escaped(character)));
}

function escaped(character: string): string {
  return character
    .split('')
    .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
    .join('');
}
