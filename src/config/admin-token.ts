import { readSettingFile, type ReadText } from './files.ts';
import { SettingError } from './values.ts';

/** Shorter tokens could be guessed. */
const shortest = 16;

/**
 * Reads the file that holds the token for the operator's page.
 *
 * @throws {SettingError} what is wrong with it; the token itself is never repeated
 */
export function readAdminTokenFile(file: string, read: ReadText = readSettingFile): string {
  const token = read(file).trim();
  // The syntax of Bearer tokens (RFC 6750 §2.1).
  if (token.length >= shortest && /^[\w.~+/-]+=*$/.test(token)) return token;
  throw new SettingError(
    `names the file ${file}, which must hold one token of at least ${shortest} letters and digits; ` +
      `"openssl rand -hex 16" makes one`,
  );
}
