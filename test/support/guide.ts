import { readFileSync } from 'node:fs';

/** One thing that a reader of a guide types, and what they should see. */
export interface Step {
  /** Where it stands, such as `docs/gateway.md:12`. */
  readonly place: string;
  readonly command: string;
  /** What is printed, `…` standing for anything; `undefined` where the guide does not say. */
  readonly output: string | undefined;
  /** For what runs in a terminal of its own: what it prints when it is up. */
  readonly up: string | undefined;
}

/** A block, with the comment that may stand before it: `not run: WHY`, or `terminal: TEXT`. */
const block = /(?:^ *<!-- (not run|terminal): (.+) -->\n\n)?^( *)```(sh|console|python)\n([^]*?)^\3```$/gm;

/**
 * What a guide has its reader type, in its order: each block marked `sh` or `python` whole, and each command behind `$ ` of
 * the blocks marked `console`, with the lines below it as its output. A block behind `<!-- terminal: TEXT -->` runs in a terminal of
 * its own, and is up when it has printed TEXT; one behind `<!-- not run: WHY -->` is left out.
 */
export function stepsOf(file: string): Step[] {
  const text = readFileSync(file, 'utf8');
  return [...text.matchAll(block)].flatMap(
    ({ index, 1: how, 2: what, 3: indent = '', 4: kind, 5: indented = '' }): Step[] => {
      if (how === 'not run') return [];
      const place = `${file}:${text.slice(0, index).split('\n').length}`;
      const up = how === 'terminal' ? what : undefined;
      const content = indented.replaceAll(new RegExp(`^${indent}`, 'gm'), '');
      switch (kind) {
        case 'python':
          return [{ place, command: `python3 - <<'END'\n${content}END`, output: undefined, up }];
        case 'sh':
          return [{ place, command: content, output: undefined, up }];
        default:
          return content
            .split(/^\$ /m)
            .slice(1)
            .map((part) => {
              const [command = '', ...output] = part.split('\n');
              return { place, command, output: output.join('\n'), up };
            });
      }
    },
  );
}

/** Whether something printed is what a guide shows: `…` stands for anything, and the number of spaces does not count. */
export function looksLike(printed: string, shown: string): boolean {
  const pattern = shown
    .trim()
    .split('…')
    .map((part) => part.replaceAll(/[$()*+.?[\\\]^{|}]/g, String.raw`\$&`).replaceAll(/ +/g, ' +'))
    .join('[^]*');
  return new RegExp(`^${pattern}$`).test(printed.trim());
}
