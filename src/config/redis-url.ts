import { readSettingFile } from './files.ts';
import type { Layers } from './layers/layers.ts';
import { redisUrl, SettingError, type RedisUrl } from './values.ts';

/**
 * The address of Redis, from a setting, or from a file that holds it.
 *
 * @param fromSetting the address, if a setting holds it
 * @throws {SettingError} with the name of the setting before it; the address is never repeated, because it may contain
 *   a password
 */
export function chooseRedisUrl({ found }: Layers, fromSetting: RedisUrl | undefined): RedisUrl | undefined {
  const inline = found.get('redisUrl');
  const file = found.get('redisUrlFile');
  if (file === undefined || (inline !== undefined && inline.rank < file.rank)) {
    if (inline?.rank === 0 && fromSetting?.hasPassword === true) {
      throw new SettingError(
        `${inline.source} holds a password, and every user of this machine can read the arguments of a process: set REDIS_URL, or pass a file with --redis-url-file`,
      );
    }
    return fromSetting;
  }
  if (inline?.rank === file.rank) {
    throw new SettingError(`${inline.source} and ${file.source} are both set; keep one of them`);
  }
  try {
    return redisUrl(readSettingFile(file.text).trim());
  } catch (error) {
    if (error instanceof SettingError) throw new SettingError(`${file.source} ${error.message}`);
    throw error;
  }
}
