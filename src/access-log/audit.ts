import type { Logger } from 'pino';
import { openLineFile, type LineFile } from '../output/line-file.ts';
import type { AccessLogEntry } from './access-log.ts';

/** The access log in a file of its own. */
export interface Audit {
  write(recorded: AccessLogEntry): void;
  /** Goes on in a new file of the same name, after logrotate has moved the old one. */
  reopen(): void;
  /** Writes what is left. */
  close(): Promise<void>;
}

/**
 * Opens the audit file: a JSON line for each request. What cannot be written is lost, counted, and reported once: a full disk
 * stops no request.
 *
 * @param room how much of it may wait to be written, bytes
 * @param onLost called with the number of lost entries, each time
 * @throws {Error} the system's, when the file cannot be opened
 */
export function openAudit(path: string, room: number, log: Logger, onLost: (records: number) => void): Audit {
  let lost = 0;
  const file: LineFile = openLineFile(path, room, {
    onLost(records, code) {
      onLost(records);
      if (lost === 0) {
        log.warn(
          { file: path, code },
          `The audit file ${path} cannot be written${words[code] ?? ''}. Requests go on without a record in it, until it can.`,
        );
      }
      lost += records;
    },
    onResumed() {
      log.warn({ file: path, lost }, `The audit file ${path} can be written again; ${lost} records are missing in it.`);
      lost = 0;
    },
  });
  let again: NodeJS.Timeout | undefined;
  let isFailing = false;

  /** Until it succeeds: logrotate would remove the file that records go on being written to. */
  function reopen(): void {
    clearTimeout(again);
    try {
      file.reopen();
      isFailing = false;
      log.info({ file: path }, `opened the audit file ${path} anew`);
    } catch (error) {
      again = setTimeout(reopen, reopening).unref();
      if (isFailing) return;
      isFailing = true;
      log.error(
        { file: path },
        `The audit file ${path} cannot be opened anew${words[codeOf(error)] ?? ''}; the one from before stays in use until it can.`,
      );
    }
  }

  return {
    write: (recorded) => file.add(JSON.stringify({ time: new Date().toISOString(), ...recorded })),
    reopen,
    close() {
      clearTimeout(again);
      return file.close();
    },
  };
}

/** How often a file that could not be opened is tried again, ms. */
const reopening = 1_000;

const words: Readonly<Record<string, string>> = {
  ENOSPC: ': the disk is full',
  EDQUOT: ': its owner may use no more of the disk',
  EIO: ': the disk has failed',
  EROFS: ': the disk is read-only',
  EMFILE: ' while so many files and connections are open (a higher limit helps: ulimit -n, LimitNOFILE=)',
  EBUSY: ' as fast as requests come',
};

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}
