import { systemErrorCode } from '../system/system-error.ts';
/** Says in a sentence why a program cannot listen. */
export class ListenError extends Error {
  override name = 'ListenError';
}

/**
 * Describes in a sentence why a port is not available; any other error is returned as it is.
 *
 * @param setting the setting for the port
 */
export function noPort(error: unknown, host: string, port: number, setting: string): unknown {
  const address = `${host} port ${port}`;
  switch (systemErrorCode(error)) {
    case 'EADDRINUSE':
      return new ListenError(`${address} is in use by another program; choose another port with ${setting}.`);
    case 'EACCES':
      return new ListenError(
        `${address} needs rights that this user does not have; choose a port above 1023 with ${setting}.`,
      );
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return new ListenError(`${host} is not an address of this machine; 127.0.0.1 and 0.0.0.0 are.`);
    default:
      return error;
  }
}
