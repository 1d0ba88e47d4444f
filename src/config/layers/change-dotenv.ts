import { parse } from 'dotenv';

/** One assignment as dotenv reads it; quoted values may go on over several lines. */
const assignment =
  /^([ \t]*(?:export[ \t]+)?)([\w.-]+)(?:[ \t]*=[ \t]*?|:[ \t]+?)([ \t]*'(?:\\'|[^'])*'|[ \t]*"(?:\\"|[^"])*"|[ \t]*`(?:\\`|[^`])*`|[^#\r\n]+)?([ \t]*#[^\r\n]*)?(\r\n|\r|\n|$)/gm;

/**
 * Changes variables in the text of a `.env` file. All other lines stay as they are, and so does the comment behind a
 * changed value.
 *
 * @param changes the new value of each variable, in the place of the first line that sets one of its names; `names` are
 *   all names of the same setting. Without a value the lines go.
 */
export function changeDotenv(text: string, changes: readonly DotenvChange[]): string {
  const pending = new Set(changes);
  const changed = text.replace(
    assignment,
    (line: string, before: string, name: string, _value: string | undefined, comment = '', end = '') => {
      const change = changes.find(({ names }) => names.includes(name));
      if (change === undefined) return line;
      if (change.value === undefined || !pending.delete(change)) return '';
      return `${before}${change.names[0]}=${quoted(change.value)}${comment === '' ? '' : ` ${comment.trim()}`}${end}`;
    },
  );
  const lineEnd = text.includes('\r\n') ? '\r\n' : '\n';
  const added = [...pending].flatMap(({ names, value }) =>
    value === undefined ? [] : [`${names[0]}=${quoted(value)}${lineEnd}`],
  );
  const gap = added.length === 0 || changed === '' || /[\r\n]$/.test(changed) ? '' : lineEnd;
  return changed + gap + added.join('');
}

/** A change of one setting in a `.env` file. */
export interface DotenvChange {
  /** The names that the setting has; the first one is written. */
  readonly names: readonly string[];
  readonly value: string | undefined;
}

/** A value so that dotenv, shells and Docker Compose read it alike. */
function quoted(value: string): string {
  const forms = /^[\w./:@%+,~[\]-]*$/.test(value) ? [value] : [`'${value}'`, `"${value}"`, `\`${value}\``];
  const form = forms.find((one) => parse(`X=${one}`)['X'] === value);
  if (form === undefined) throw new TypeError('a value that no .env file can hold');
  return form;
}
