// The TLS step: which certificate does MAAS present, and would the proxy accept it?
import { isIP } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import { errorCode, toProblem } from '../upstream/errors.ts';
import { trustingContext } from '../upstream/connection/trust.ts';
import { describeCertificate, faultsOf, trustedBy, type Presented } from './certificate.ts';
import { failed, reasonAndRemedy, type Finding } from './finding.ts';
import { endpoint } from './configured.ts';
import { stepTimeoutMs, type Located } from './network.ts';

/** The configuration's trust. */
export interface Trust {
  readonly ca: string | undefined;
  /** What is wrong with the CA file, in a sentence. */
  readonly caMistake: string | undefined;
  readonly insecure: boolean;
}

/** May the API key be sent over the connection to MAAS? */
export async function checkTls(located: Located, { ca, caMistake, insecure }: Trust): Promise<Finding<Located>> {
  if (caMistake !== undefined) {
    const { reason, remedy } = reasonAndRemedy(caMistake);
    return failed(reason, remedy ?? "Name a file with the certificate of MAAS's authority in PEM.");
  }
  const { host, port, secure } = endpoint(located.maas);
  if (!secure) return { status: 'skipped', detail: 'not used, the address is http', found: located };

  const outcome = await shakeHands(host, port, ca);
  if (typeof outcome === 'string') return failed(outcome, noTls);
  const { protocol, presented } = outcome;
  const now = Date.now();
  const troubles = faultsOf(presented, now);
  const serious = troubles.some(({ status }) => status === 'error');
  const parts = [protocol, describeCertificate(presented, now)];
  if (!serious) parts.push(trustedBy(presented));
  const remedies = troubles.map(({ remedy }) => remedy);
  if (insecure) remedies.push('--insecure (MAAS_INSECURE) is on: whoever answers there gets the API key. Turn it off.');
  return {
    status: serious && !insecure ? 'error' : remedies.length > 0 ? 'warning' : 'ok',
    detail: [...troubles.map(({ detail }) => detail), parts.join(', ')].join('; '),
    remedy: remedies.length === 0 ? undefined : remedies.join('\n'),
    ...((!serious || insecure) && { found: located }),
  };
}

const noTls = 'Check that the port is the TLS port of MAAS (5443 on most); the plain one (5240) wants http://.';

/**
 * A connection that only inspects: nothing is sent over it, so the certificate need not be valid. Whether it is valid
 * is decided by the same verification as for the proxy's own connections.
 */
function shakeHands(
  host: string,
  port: number,
  ca: string | undefined,
): Promise<{ protocol: string; presented: Presented } | string> {
  return new Promise((resolve) => {
    const socket: TLSSocket = connect({
      host,
      port,
      ...(isIP(host) === 0 && { servername: host }),
      secureContext: trustingContext(ca),
      rejectUnauthorized: false,
    });
    const done = (outcome: { protocol: string; presented: Presented } | string): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(outcome);
    };
    const timer = setTimeout(() => done('there was no TLS handshake within 5 s'), stepTimeoutMs);
    socket.on('secureConnect', () => {
      // It is a code, whatever its type says.
      const fault = String(socket.authorizationError ?? '');
      const certificate = socket.getPeerCertificate(true);
      done({
        protocol: (socket.getProtocol() ?? 'TLS').replace('TLSv', 'TLS '),
        presented: { host, port, certificate, fault, ca },
      });
    });
    socket.on('error', (error) => done(sentence(error)));
    socket.on('end', () => done('the connection was closed during the TLS handshake'));
  });
}

function sentence(error: Error): string {
  const code = errorCode(error);
  if (code === 'ECONNRESET' || code === 'EPIPE') return 'the connection was closed during the TLS handshake';
  if (/PROTOCOL_VERSION|UNSUPPORTED_PROTOCOL/.test(code)) return 'what answers has no TLS 1.2 or later';
  return reasonAndRemedy(toProblem(error).message).reason;
}
