const begin = '<!-- bench: what follows is written by npm run bench -->';
const end = '<!-- bench: end -->';

/** Puts what was found between the marks of a page; what people have written around them stays. */
export function intoPage(page: string, text: string): string {
  const from = page.indexOf(begin);
  const to = page.indexOf(end);
  if (from === -1 || to < from) throw new Error(`docs/performance.md has lost its marks: ${begin} … ${end}`);
  return `${page.slice(0, from)}${begin}\n\n${text}\n\n${page.slice(to)}`;
}
