import type { ProblemCode } from '../../problem.ts';
import { ForwardingHandler, type Controller, type ResponseHead, type UpstreamHandler } from '../handler.ts';
import { toProblem } from '../errors.ts';
import type { WriteEpoch } from './write-epoch.ts';

/** Failures after which MAAS cannot still be working on the write: it got no slot or no connection. */
const neverRuns: ReadonlySet<ProblemCode> = new Set([
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

/** Advances the epoch for one write: always before the client learns of the event. */
export class WriteHandler extends ForwardingHandler {
  readonly #epoch: WriteEpoch;
  #hasResponse = false;
  #isOver = false;

  constructor(next: UpstreamHandler, epoch: WriteEpoch) {
    super(next);
    this.#epoch = epoch;
    epoch.onWriteStart();
  }

  override onResponseStart(controller: Controller, head: ResponseHead): void {
    if (head.status >= 200) {
      this.#hasResponse = true;
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
    this.#end(this.#hasResponse || status === 401 || neverRuns.has(code));
    super.onResponseError(error);
  }

  #end(isSettled: boolean): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#epoch.onWriteEnd(isSettled);
  }
}
