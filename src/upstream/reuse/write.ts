import type { Dispatcher } from 'undici';
import type { ProblemCode } from '../../problem.ts';
import { ForwardingHandler } from '../forwarding-handler.ts';
import { toProblem } from '../errors.ts';
import type { WriteEpoch } from './write-epoch.ts';

/** Failures that leave no write behind which MAAS still works on: it got no place or no connection, or MAAS refused the signature. */
const nothingRuns: ReadonlySet<ProblemCode> = new Set([
  'maas-busy',
  'maas-unresolved',
  'maas-refused',
  'maas-unroutable',
  'maas-connect-timeout',
  'maas-certificate-unknown-issuer',
  'maas-certificate-expired',
  'maas-certificate-wrong-name',
  'maas-tls',
  'loop-detected',
]);

/** Draws the lines of one write. Each is drawn before the client learns what it stands for. */
export class WriteHandler extends ForwardingHandler {
  readonly #epoch: WriteEpoch;
  #isAnswered = false;
  #isOver = false;

  constructor(next: Dispatcher.DispatchHandler, epoch: WriteEpoch) {
    super(next);
    this.#epoch = epoch;
    epoch.onWriteStart();
  }

  override onHeaders(status: number, rawHeaders: Buffer[], resume: () => void, statusText: string): boolean {
    if (status >= 200) {
      this.#isAnswered = true;
      this.#epoch.onWriteResponse();
    }
    return super.onHeaders(status, rawHeaders, resume, statusText);
  }

  override onComplete(trailers: string[] | null): void {
    this.#end(true);
    super.onComplete(trailers);
  }

  override onError(error: Error): void {
    const { code, status } = toProblem(error);
    this.#end(this.#isAnswered || status === 401 || nothingRuns.has(code));
    super.onError(error);
  }

  #end(isSettled: boolean): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#epoch.onWriteEnd(isSettled);
  }
}
