import type { ApiKey } from '../maas/api-key.ts';
import { readSettingFile, type ReadText } from './files.ts';
import { apiKey, SettingError } from './values.ts';

/**
 * Reads the file that holds the API key.
 *
 * @throws {SettingError} what is wrong with it; the key is never repeated
 */
export function readKeyFile(file: string, read: ReadText = readSettingFile): ApiKey {
  const content = read(file);
  try {
    return apiKey(content);
  } catch (error) {
    if (error instanceof SettingError) throw new SettingError(`names the file ${file}: the key in it ${error.message}`);
    throw error;
  }
}
