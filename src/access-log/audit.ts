import type { Logger } from 'pino';
import { openLineFile, type LineFile } from '../output/line-file.ts';
import type { AccessLogEntry } from './access-log.ts';
import { systemErrorCode } from '../system/system-error.ts';

/** The access log in a file of its own. */
export interface Audit {
  write(entry: AccessLogEntry): void;
  /** Continues in a new file of the same name, after logrotate has moved the old one. */
  reopen(): void;
  /** Writes the remaining lines. */
  close(): Promise<void>;
}

/**
 * Opens the audit file: one JSON line per request. Entries that cannot be written are lost and counted, and the first
 * loss is logged: a full disk does not stop requests.
 *
 * @param maxBytes how many bytes may wait to be written
 * @param onLost called with the number of lost entries, each time
 * @throws {Error} the system's, if the file cannot be opened
 */
export function openAudit(path: string, maxBytes: number, log: Logger, onLost: (entries: number) => void): Audit {
  let lost = 0;
  const file: LineFile = openLineFile(path, maxBytes, {
    onLost(entries, code) {
      onLost(entries);
      if (lost === 0) {
        log.warn(
          { file: path, code },
          `The audit file ${path} cannot be written${reasons[code] ?? ''}. Requests go on without a record in it, until it can.`,
        );
      }
      lost += entries;
    },
    onResumed() {
      log.warn({ file: path, lost }, `The audit file ${path} can be written again; ${lost} records are missing in it.`);
      lost = 0;
    },
  });
  let retryTimer: NodeJS.Timeout | undefined;
  let isFailing = false;

  /** Tried until it succeeds: otherwise entries would go to the file that logrotate removes. */
  function reopen(): void {
    clearTimeout(retryTimer);
    try {
      file.reopen();
      isFailing = false;
      log.info({ file: path }, `opened the audit file ${path} anew`);
    } catch (error) {
      retryTimer = setTimeout(reopen, retryMs).unref();
      if (isFailing) return;
      isFailing = true;
      log.error(
        { file: path },
        `The audit file ${path} cannot be opened anew${reasons[systemErrorCode(error)] ?? ''}; the one from before stays in use until it can.`,
      );
    }
  }

  return {
    write: (entry) => file.add(JSON.stringify({ time: new Date().toISOString(), ...entry })),
    reopen,
    close() {
      clearTimeout(retryTimer);
      return file.close();
    },
  };
}

/** How often opening the file is tried again, ms. */
const retryMs = 1_000;

const reasons: Readonly<Record<string, string>> = {
  ENOSPC: ': the disk is full',
  EDQUOT: ': its owner may use no more of the disk',
  EIO: ': the disk has failed',
  EROFS: ': the disk is read-only',
  EMFILE: ' while so many files and connections are open (a higher limit helps: ulimit -n, LimitNOFILE=)',
  EBUSY: ' as fast as requests come',
};
