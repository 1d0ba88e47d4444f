import { readFileSync } from 'node:fs';

/** One command of a guide, and its expected output. */
export interface Step {
  /** Its file and line, such as `docs/gateway.md:12`. */
  readonly place: string;
  readonly command: string;
  /** The expected output, where `…` matches any text; `undefined` if the guide does not show it. */
  readonly output: string | undefined;
  /** For a command in its own terminal: what it prints when it is ready. */
  readonly up: string | undefined;
}

/** A block, with an optional comment before it: `not run: WHY`, or `terminal: TEXT`. */
const block = /(?:^ *<!-- (not run|terminal): (.+) -->\n\n)?^( *)```(sh|console|python)\n([^]*?)^\3```$/gm;

/**
 * The commands of a guide, in their order: each complete block marked `sh` or `python`, and each command after `$ ` in
 * the blocks marked `console`, with the lines below it as its output. A block after `<!-- terminal: TEXT -->` runs in
 * its own terminal, and is ready when it has printed TEXT; one after `<!-- not run: WHY -->` is omitted.
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

/** Whether the output is what a guide shows: `…` matches any text, and the number of spaces does not matter. */
export function looksLike(printed: string, shown: string): boolean {
  const pattern = shown
    .trim()
    .split('…')
    .map((part) => part.replaceAll(/[$()*+.?[\\\]^{|}]/g, String.raw`\$&`).replaceAll(/ +/g, ' +'))
    .join('[^]*');
  return new RegExp(`^${pattern}$`).test(printed.trim());
}
