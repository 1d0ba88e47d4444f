import type { ProblemCode } from '../../problem.ts';
import { ForwardingHandler, type Controller, type ResponseHead, type UpstreamHandler } from '../handler.ts';
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

  constructor(next: UpstreamHandler, epoch: WriteEpoch) {
    super(next);
    this.#epoch = epoch;
    epoch.onWriteStart();
  }

  override onResponseStart(controller: Controller, head: ResponseHead): void {
    if (head.status >= 200) {
      this.#isAnswered = true;
      this.#epoch.onWriteResponse();
    }
    super.onResponseStart(controller, head);
  }

  override onResponseEnd(controller: Controller): void {
    this.#end(true);
    super.onResponseEnd(controller);
  }

  override onResponseError(error: Error): void {
    const { code, status } = toProblem(error);
    this.#end(this.#isAnswered || status === 401 || nothingRuns.has(code));
    super.onResponseError(error);
  }

  #end(isSettled: boolean): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#epoch.onWriteEnd(isSettled);
  }
}
