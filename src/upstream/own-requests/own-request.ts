import type { Dispatcher } from 'undici';
import type { MaasAddress } from '../../maas/maas-address.ts';
import type { Signer } from '../../maas/signature.ts';
import { Problem } from '../../problem.ts';
import type { UpstreamRequest } from '../forwarding-handler.ts';
import { toProblem } from '../errors.ts';

/** A short answer of MAAS, read whole. */
export interface OwnResponse {
  readonly status: number;
  /** By name in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const limit = 1024 * 1024;
const responseTimeoutMs = 5_000;

/**
 * One small GET to MAAS, on the proxy's own account.
 *
 * @param by its signer, in place of the shared one, and the name that the proxy goes by in `Via`
 * @throws {Problem} when no answer comes within 5 s
 */
export function sendOwnRequest(
  dispatch: Dispatcher['dispatch'],
  maas: MaasAddress,
  path: string,
  { signer, pseudonym = 'maas-auth-proxy' }: { signer?: Signer | undefined; pseudonym?: string } = {},
): Promise<OwnResponse> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    let status = 0;
    let headers: OwnResponse['headers'] = {};
    let abort: ((error?: Error) => void) | undefined;
    const fail = (problem: Problem): void => {
      clearTimeout(timer);
      reject(problem);
      abort?.(problem);
    };
    const timer = setTimeout(() => {
      fail(new Problem('maas-answer-timeout', 'MAAS did not answer within 5 seconds.'));
    }, responseTimeoutMs);
    const sending: UpstreamRequest = {
      origin: maas.origin,
      path: `${maas.apiPath}${path}`,
      method: 'GET',
      headers: ['Accept', '*/*', 'Via', `1.1 ${pseudonym}`],
      ...(signer !== undefined && { signer }),
    };
    dispatch(sending, {
      onConnect(aborter) {
        abort = aborter;
      },
      onHeaders(statusCode, rawHeaders) {
        status = statusCode;
        headers = headersOf(rawHeaders);
        return true;
      },
      onData(chunk) {
        size += chunk.length;
        if (size <= limit) chunks.push(chunk);
        else fail(new Problem('maas-broken-answer', 'MAAS sent more than it was asked for.'));
        return true;
      },
      onComplete() {
        clearTimeout(timer);
        resolve({ status, headers, body: Buffer.concat(chunks).toString('utf8') });
      },
      onError(error) {
        clearTimeout(timer);
        reject(toProblem(error));
      },
    });
  });
}

function headersOf(raw: readonly Buffer[]): OwnResponse['headers'] {
  const headers: Record<string, string> = {};
  for (let index = 0; index < raw.length; index += 2) {
    headers[(raw[index] as Buffer).toString('latin1').toLowerCase()] = (raw[index + 1] as Buffer).toString('latin1');
  }
  return headers;
}
