const begin = '<!-- bench: what follows is written by npm run bench -->';
const end = '<!-- bench: end -->';

/** Replaces the text between the markers of a page; the hand-written text around them stays. */
export function intoPage(page: string, text: string): string {
  const from = page.indexOf(begin);
  const to = page.indexOf(end);
  if (from === -1 || to < from) throw new Error(`docs/performance.md has lost its markers: ${begin} … ${end}`);
  return `${page.slice(0, from)}${begin}\n\n${text}\n\n${page.slice(to)}`;
}
