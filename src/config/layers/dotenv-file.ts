import { readFileSync } from 'node:fs';
import { parse } from 'dotenv';
import { whyUnreadable } from '../files.ts';
import { settingNames } from './names.ts';
import { systemErrorCode } from '../../system/system-error.ts';

/**
 * Reads the names and values of a `.env` file; none if there is no such file.
 *
 * @param mistakes gets a sentence for what cannot be read
 */
export function readDotenvFile(file: string, mistakes: string[]): Readonly<Record<string, string>> {
  let content: string;
  try {
    content = readFileSync(file, 'utf8');
  } catch (error) {
    if (systemErrorCode(error) !== 'ENOENT') {
      mistakes.push(`There is a .env here, ${whyUnreadable(error)}.`);
    }
    return {};
  }
  // PowerShell's `>` writes UTF-16, which dotenv would not understand.
  if (content.includes('\0')) {
    mistakes.push('There is a .env here that is not UTF-8 text; save it as UTF-8.');
    return {};
  }
  const found = parse(content);
  mistakes.push(...findUnread(content, found));
  return found;
}

/**
 * Lines that begin with the name of a setting, but that dotenv ignores: `PORT 8240`, `set PORT=8240`, `- PORT=8240`.
 */
function findUnread(content: string, found: Readonly<Record<string, string>>): string[] {
  const known = settingNames();
  return content.split(/\r\n|\n|\r/).flatMap((line, index) => {
    const name = /^[\s-]*(?:(?:set|setx|env)\s+|\$env:)?(\w+)(?:\s*:?=|\s|$)/i.exec(line)?.[1];
    if (name === undefined || !known.has(name) || name in found) return [];
    return [`Line ${index + 1} of .env is not valid; write ${name}=…, with nothing in front of it.`];
  });
}
