import { createSecureContext } from 'node:tls';
import { readSettingFile, type ReadText } from '../files.ts';
import { SettingError } from '../values.ts';

/**
 * Reads the certificates of authorities.
 *
 * @returns PEM text of one or more
 * @throws {SettingError} if the file contains none
 */
export function readCertificates(file: string, read: ReadText = readSettingFile): string {
  const pem = read(file);
  try {
    if (!pem.includes('-----BEGIN CERTIFICATE-----')) throw new Error('no certificate');
    createSecureContext({ ca: pem });
  } catch {
    throw new SettingError(`names the file ${file}, which holds no certificate in PEM ("-----BEGIN CERTIFICATE-----")`);
  }
  return pem;
}
