import { constants } from 'node:crypto';
import type { Server } from 'node:net';
import { Server as TlsServer, type SecureContextOptions, type TlsOptions } from 'node:tls';
import type { Configuration } from '../config/configuration.ts';
import {
  readClientAuthorities,
  readServerCertificate,
  type ClientAuthorities,
  type ServerCertificate,
} from '../config/tls/tls-files.ts';
import type { Approval } from './watcher.ts';
import type { WatchedFiles } from './watched-files.ts';

/** The reloaded TLS options of the https listener. */
export interface ReloadedTls {
  /** The options at the start. */
  readonly options: TlsOptions;
  /** The current certificate. */
  certificate(): ServerCertificate;
  /** The current authorities for clients; `undefined` if clients need no certificate. */
  readonly authorities: (() => ClientAuthorities) | undefined;
  /** Applies new certificates and authorities to a server's new connections; open connections continue. */
  applyTo(server: Server): void;
}

/**
 * Watches certificate, key and client authorities.
 *
 * @returns `undefined` for plain http
 * @throws {SettingError} what is wrong with a file now, as a sentence without its full stop
 */
export function watchTls({ files }: Configuration, watchedFiles: WatchedFiles): ReloadedTls | undefined {
  if (files.tls === undefined) return undefined;
  const { cert, key } = files.tls;
  const { clientCa } = files;
  let server: TlsServer | undefined;
  const renew = (): void => server?.setSecureContext(context(certificate.now(), authorities?.now()));

  const certificate = watchedFiles.watch<ServerCertificate>({
    purpose: 'tls',
    title: `the certificate in ${cert.file}`,
    subject: cert.source,
    load: (read) => readServerCertificate(cert.file, key.file, read),
    approve: (next, inForce) => Promise.resolve(approve(next, inForce, cert.file)),
    onChange: renew,
    describe: ({ names, endsAt }) => `${names}, valid until ${new Date(endsAt).toISOString().slice(0, 10)}`,
  });
  const authorities =
    clientCa &&
    watchedFiles.watch<ClientAuthorities>({
      purpose: 'client-ca',
      title: `the authorities of clients in ${clientCa.file}`,
      subject: clientCa.source,
      load: (read) => readClientAuthorities(clientCa.file, read),
      onChange: renew,
    });
  return {
    options: {
      ...context(certificate.now(), authorities?.now()),
      ...(authorities !== undefined && { requestCert: true, rejectUnauthorized: false }),
    },
    certificate: certificate.now,
    authorities: authorities?.now,
    applyTo(listener) {
      if (listener instanceof TlsServer) server = listener;
    },
  };
}

/** An expired certificate does not replace a valid one. */
function approve(next: ServerCertificate, inForce: ServerCertificate, file: string): Approval {
  const now = Date.now();
  if (next.endsAt > now || inForce.endsAt <= now) return {};
  return {
    refused: `The certificate that ${file} holds now has expired, and is not used; the one before stays in force.`,
  };
}

function context({ cert, key }: ServerCertificate, authorities: ClientAuthorities | undefined): SecureContextOptions {
  return {
    cert,
    key,
    minVersion: 'TLSv1.2',
    ...(authorities !== undefined && {
      ca: authorities.pem,
      // A resumed session would have the result of the earlier certificate check, but no certificate chain.
      secureOptions: constants.SSL_OP_NO_TICKET,
    }),
  };
}
