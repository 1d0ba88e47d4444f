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

/** What https is served with, kept to its files. */
export interface ReloadedTls {
  /** What the server begins with. */
  readonly options: TlsOptions;
  /** The certificate in force. */
  certificate(): ServerCertificate;
  /** The authorities of clients in force; `undefined` where clients need no certificate. */
  readonly authorities: (() => ClientAuthorities) | undefined;
  /** Has a server take new certificates and authorities for its new connections; those that are open go on. */
  keep(server: Server): void;
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
    kind: 'tls',
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
      kind: 'client-ca',
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
    keep(kept) {
      if (kept instanceof TlsServer) server = kept;
    },
  };
}

/** A certificate that is over does not take the place of one that is not. */
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
      // A resumed session would carry over what was found out about the client's certificate, without its chain.
      secureOptions: constants.SSL_OP_NO_TICKET,
    }),
  };
}
