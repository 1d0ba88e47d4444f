import type { IncomingHttpHeaders } from 'node:http';
import type { Dispatcher } from 'undici';
import type { MaasAddress } from '../maas/maas-address.ts';
import { Problem } from '../problem.ts';
import { toProblem } from './failure.ts';

/** A short answer of MAAS, read whole. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

const limit = 1024 * 1024;
const patience = 5_000;

/**
 * One small GET to MAAS, on the proxy's own account.
 *
 * @throws {Problem} when no answer comes within 5 s
 */
export function ask(dispatch: Dispatcher['dispatch'], maas: MaasAddress, path: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    let status = 0;
    let headers: IncomingHttpHeaders = {};
    const late = new Problem('maas-answer-timeout', 'MAAS did not answer within 5 seconds.');
    let controller: Dispatcher.DispatchController | undefined;
    const timer = setTimeout(() => {
      controller?.abort(late);
      reject(late);
    }, patience);
    dispatch(
      { origin: maas.origin, path: `${maas.apiPath}${path}`, method: 'GET', headers: ['Accept', '*/*'] },
      {
        onRequestStart(started) {
          controller = started;
        },
        onResponseStart(_, statusCode, received) {
          status = statusCode;
          headers = received;
        },
        onResponseData(current, chunk) {
          size += chunk.length;
          if (size > limit) current.abort(new Problem('maas-broken-answer', 'MAAS sent more than it was asked for.'));
          else chunks.push(chunk);
        },
        onResponseEnd() {
          clearTimeout(timer);
          resolve({ status, headers, body: Buffer.concat(chunks).toString('utf8') });
        },
        onResponseError(_, error) {
          clearTimeout(timer);
          reject(toProblem(error));
        },
      },
    );
  });
}
