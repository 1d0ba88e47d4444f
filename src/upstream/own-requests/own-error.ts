import { printable } from '../../output/printable.ts';
import type { OwnResponse } from './own-request.ts';

/** An error of MAAS's own, in words. */
export interface OwnError {
  readonly reason: string;
  readonly remedy: string;
}

/**
 * Reads a response with a status of 500 or above: a MAAS whose database is down sends one, also for `version/`.
 *
 * @returns `undefined` for any other status
 */
export function readOwnError({ status, headers, body }: OwnResponse): OwnError | undefined {
  if (status < 500) return undefined;
  // Django sets this field on MAAS's own errors; MAAS's web server never does.
  const who = headers['x-frame-options'] === undefined ? 'MAAS, or what stands before it,' : 'MAAS';
  const words = shortText(body);
  return {
    reason: `${who} answers with an error of its own: status ${status}${words === '' ? '' : `, "${words}"`}`,
    remedy: 'Look at the log of the MAAS server, and whether its database is up.',
  };
}

/** The first words of a response, or the title of a web page; everything that could be a key is removed. */
function shortText(body: string): string {
  const start = body.slice(0, 10_000);
  const text = /<title>([^<]*)/i.exec(start)?.[1] ?? (/^\s*</.test(start) ? '' : start);
  return printable(text.replaceAll(/[A-Za-z0-9]{18,}/g, '…'));
}
