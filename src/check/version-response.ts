// The steps that use one anonymous response of `version/`: HTTP, is it a MAAS, which version, and its clock.
import { parseMaasAddress, type MaasAddress } from '../maas/maas-address.ts';
import { Problem } from '../problem.ts';
import type { OwnResponse } from '../upstream/own-requests/own-request.ts';
import { readVersion } from '../upstream/own-requests/identity.ts';
import { loopDetected } from '../upstream/loop.ts';
import { readOwnError } from '../upstream/own-requests/own-error.ts';
import { isRegionDown } from '../upstream/regions/region-down.ts';
import { failed, reasonAndRemedy, type Finding } from './finding.ts';
import { printable } from '../output/printable.ts';

/** Sends MAAS a request without a signature; `path` begins below the API's root. */
export type SendUnsigned = (maas: MaasAddress, path: string) => Promise<OwnResponse>;

/** A response, and when it was requested and received, ms since 1970. */
export interface TimedResponse {
  readonly response: OwnResponse;
  readonly requestedAt: number;
  readonly receivedAt: number;
}

/** A response of a MAAS. */
export interface MaasResponse extends TimedResponse {
  readonly version: string;
}

/**
 * Does the server speak HTTP, and on the right port? A MAAS with TLS redirects its plain port to https, except for
 * `machines` (MAAS 3.7.3, seen).
 */
export async function checkHttp(maas: MaasAddress, send: SendUnsigned): Promise<Finding<TimedResponse>> {
  const requestedAt = Date.now();
  let response: OwnResponse;
  try {
    response = await send(maas, '/version/');
  } catch (error) {
    return noResponse(maas, error);
  }
  const timed = { response, requestedAt, receivedAt: Date.now() };
  const { status, body } = response;
  if (maas.origin.startsWith('http:')) {
    const secureOrigin = redirectsToHttps(response);
    if (secureOrigin !== undefined) {
      return failed(
        `the plain port redirects to https (${status}): MAAS has TLS on`,
        `Use ${secureOrigin}${maas.basePath} as MAAS_URL. The plain port still answers for /machines, so requests for ` +
          'those would have gone on in clear text, the API key with them.',
      );
    }
    if (status === 400 && body.includes('plain HTTP request was sent to HTTPS port')) {
      return failed('this port wants https', 'Write https:// in MAAS_URL in place of http://.');
    }
  }
  return {
    status: 'ok',
    detail: `answered ${status} by ${serverOf(timed.response)} in ${timed.receivedAt - requestedAt} ms`,
    found: timed,
  };
}

function noResponse(maas: MaasAddress, error: unknown): Finding<never> {
  if (!(error instanceof Problem)) throw error;
  if (error.code === 'maas-broken-answer' || error.code === 'maas-reset') {
    return failed(
      error.code === 'maas-reset' ? 'the connection was closed without an answer' : 'what answers does not speak HTTP',
      maas.origin.startsWith('http:')
        ? 'Check the port in MAAS_URL (5240 on most). A port that speaks TLS wants https://.'
        : 'Check the port in MAAS_URL (5443 on most).',
    );
  }
  const { reason, remedy } = reasonAndRemedy(error.message);
  return failed(reason, remedy ?? 'Check that MAAS is healthy: is its web interface slow, too?');
}

/** The server's own name: `nginx/1.22.1`. */
function serverOf({ headers }: OwnResponse): string {
  return printable(headers['server'] ?? '') || 'an unnamed web server';
}

function redirectsToHttps({ status, headers }: OwnResponse): string | undefined {
  const location = headers['location'] ?? '';
  if (status < 300 || status > 399 || !location.startsWith('https:') || !URL.canParse(location)) return undefined;
  return new URL(location).origin;
}

/** Is it a MAAS, and is the path before its API right? */
export async function checkIsMaas(
  maas: MaasAddress,
  timed: TimedResponse,
  send: SendUnsigned,
): Promise<Finding<MaasResponse>> {
  const version = versionIn(timed.response);
  if (version !== undefined) {
    return {
      status: 'ok',
      detail: `a MAAS answers at ${maas.apiPath}/`,
      found: { ...timed, version: printable(version) },
    };
  }
  const elsewhere = await probeWithoutPrefix(maas, send);
  if (elsewhere !== undefined) {
    return failed(`not at ${maas.basePath}: MAAS answers at ${elsewhere}`, `Use ${elsewhere} as MAAS_URL.`);
  }
  return notMaas(maas, timed.response);
}

function versionIn(response: OwnResponse): string | undefined {
  try {
    return readVersion(response);
  } catch (error) {
    if (error instanceof Problem) return undefined;
    throw error;
  }
}

/** A path before `/MAAS` is right only if a reverse proxy has it. */
async function probeWithoutPrefix(maas: MaasAddress, send: SendUnsigned): Promise<string | undefined> {
  if (maas.basePath === '/MAAS') return undefined;
  const plain = parseMaasAddress(maas.origin);
  try {
    return versionIn(await send(plain, '/version/')) === undefined ? undefined : `${plain.origin}${plain.basePath}`;
  } catch (error) {
    if (error instanceof Problem) return undefined;
    throw error;
  }
}

function notMaas(maas: MaasAddress, response: OwnResponse): Finding<never> {
  const { status, headers, body } = response;
  const server = serverOf(response);
  const versionPath = `${maas.apiPath}/version/`;
  if (status === 508) {
    const { reason, remedy } = reasonAndRemedy(loopDetected().message);
    return failed(reason, remedy);
  }
  if (isRegionDown(status, (name) => headers[name])) {
    return failed(
      `the web server (${server}) answers ${status}: the MAAS region controller behind it is not up`,
      'Wait a minute if MAAS is starting; otherwise look at its log on the MAAS server.',
    );
  }
  const ownError = readOwnError(response);
  if (ownError !== undefined) return failed(ownError.reason, ownError.remedy);
  if (body.startsWith('Unknown API endpoint')) {
    return failed(
      `a MAAS answers, but another path than ${versionPath} reaches it`,
      'Something before MAAS changes the path; check the part before /MAAS in MAAS_URL.',
    );
  }
  const check = `Check host and port of MAAS_URL (MAAS's own are 5240 and, for https, 5443), and what stands before /MAAS in it.`;
  if (status === 401 || status === 403 || status === 407) {
    return failed(
      `${server} asks for a login of its own (${status})`,
      `MAAS needs none for ${versionPath}, so something stands before it. ${check}`,
    );
  }
  if (status >= 300 && status < 400) {
    return failed(`${server} redirects ${versionPath} elsewhere (${status})`, check);
  }
  const what = /html/i.test(headers['content-type'] ?? '') || /^\s*</.test(body) ? ' with a web page' : '';
  return failed(`not a MAAS: ${server} answers ${versionPath} ${status}${what}`, check);
}

/** A clock difference above this gets a warning, s, and above this endangers signatures. */
const limits = { warning: 60, error: 240 };

/**
 * Do the clocks agree? MAAS refuses signatures that are more than 300 s old.
 *
 * `Date` has whole seconds and was written at some time between request and response, so both are allowed for.
 */
export function checkClock({ response, requestedAt, receivedAt }: TimedResponse): Finding {
  const date = Date.parse(response.headers['date'] ?? '');
  if (Number.isNaN(date)) return { status: 'skipped', detail: 'the response has no Date header to compare with' };
  const ahead = (date + 500 - (requestedAt + receivedAt) / 2) / 1000;
  const allowance = (receivedAt - requestedAt) / 2000 + 0.5;
  const difference = Math.max(0, Math.abs(ahead) - allowance);
  if (difference <= limits.warning) {
    return { status: 'ok', detail: difference < 1 ? 'the same as here' : `${Math.round(difference)} s apart` };
  }
  return {
    status: difference > limits.error ? 'error' : 'warning',
    detail: `MAAS's clock is ${Math.round(Math.abs(ahead))} s ${ahead > 0 ? 'ahead of' : 'behind'} this machine's`,
    remedy:
      'Set both right with NTP ("timedatectl" shows whether it is on): MAAS refuses signatures that are more than 300 s old.',
  };
}
