import { forEachField, type Fields } from '../../http/fields.ts';
import type { MaasAddress } from '../../maas/maas-address.ts';
import type { Signer } from '../../maas/signature.ts';
import { Problem } from '../../problem.ts';
import type { Controller, UpstreamDispatch } from '../handler.ts';
import { toProblem } from '../errors.ts';

/** A short, buffered response of MAAS. */
export interface OwnResponse {
  readonly status: number;
  /** By name in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const limit = 1024 * 1024;
const responseTimeoutMs = 5_000;

/**
 * Sends one small GET of the proxy's own to MAAS.
 *
 * @param by the signer, if it is not the shared one (`nobody` for none), the proxy's name in `Via`, and how much MAAS
 *   may send
 * @throws {Problem} if no response comes within 5 s
 */
export function sendOwnRequest(
  dispatch: UpstreamDispatch,
  maas: MaasAddress,
  path: string,
  {
    signer,
    pseudonym = 'maas-auth-proxy',
    maxBytes = limit,
  }: { signer?: Signer | 'nobody' | undefined; pseudonym?: string; maxBytes?: number | undefined } = {},
): Promise<OwnResponse> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    let status = 0;
    let headers: OwnResponse['headers'] = {};
    let controller: Controller | undefined;
    const fail = (problem: Problem): void => {
      clearTimeout(timer);
      reject(problem);
      controller?.abort(problem);
    };
    const timer = setTimeout(() => {
      fail(new Problem('maas-answer-timeout', 'MAAS did not respond within 5 seconds.'));
    }, responseTimeoutMs);
    dispatch(
      {
        origin: maas.origin,
        path: `${maas.apiPath}${path}`,
        method: 'GET',
        headers: ['Accept', '*/*', 'Via', `1.1 ${pseudonym}`],
        body: null,
        signedBy: signer ?? 'shared',
      },
      {
        onRequestStart(started) {
          controller = started;
        },
        onResponseStart(_controller, head) {
          status = head.status;
          headers = headersOf(head.fields);
        },
        onResponseData(_controller, chunk) {
          size += chunk.length;
          if (size <= maxBytes) chunks.push(chunk);
          else fail(new Problem('maas-broken-answer', 'MAAS sent more than was requested.'));
        },
        onResponseEnd() {
          clearTimeout(timer);
          resolve({ status, headers, body: Buffer.concat(chunks).toString('utf8') });
        },
        onResponseError(error) {
          clearTimeout(timer);
          reject(toProblem(error));
        },
      },
    );
  });
}

function headersOf(fields: Fields): OwnResponse['headers'] {
  const headers: Record<string, string> = {};
  forEachField(fields, (_name, value, lower) => {
    headers[lower] = value;
  });
  return headers;
}
