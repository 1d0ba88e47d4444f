import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { promisify } from 'node:util';
import { emptyDirectory } from './cli.ts';

const execute = promisify(execFile);
const openssl = (...args: string[]): Promise<unknown> => execute('openssl', args);

/** A certificate with its key, in PEM. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
  /** The path of `cert`. */
  readonly certFile: string;
  readonly keyFile: string;
}

/** A certificate authority, made by openssl for one test. */
export interface Authority extends Certificate {
  /**
   * A server's certificate, or a client's.
   *
   * @param name its subject alternative name, such as `IP:127.0.0.1` or `DNS:maas.example`
   * @param days how long it is valid; a negative number makes it expired
   * @param commonName a number by default
   */
  issue(name: string, days?: number, commonName?: string): Promise<Certificate>;
}

/** Makes an authority in its own directory, which is removed after the test. */
export async function makeAuthority(t: TestContext, subject = 'Test Authority'): Promise<Authority> {
  const directory = emptyDirectory(t);
  const file = (name: string): string => join(directory, name);
  const read = (name: string): string => readFileSync(file(name), 'utf8');
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  await openssl(
    'req',
    '-x509',
    ...newKey,
    '-keyout',
    file('ca.key'),
    '-out',
    file('ca.pem'),
    '-days',
    '2',
    '-subj',
    `/CN=${subject}`,
  );
  let count = 0;
  return {
    cert: read('ca.pem'),
    key: read('ca.key'),
    certFile: file('ca.pem'),
    keyFile: file('ca.key'),
    async issue(name, days = 2, commonName?: string) {
      count += 1;
      const at = `server-${count}`;
      writeFileSync(file(`${at}.ext`), `subjectAltName=${name}\n`);
      await openssl(
        'req',
        ...newKey,
        '-keyout',
        file(`${at}.key`),
        '-out',
        file(`${at}.csr`),
        '-subj',
        `/CN=${commonName ?? at}`,
      );
      const until = new Date(Date.now() + days * 86_400_000);
      const from = new Date(until.getTime() - 10 * 86_400_000);
      writeFileSync(file('ca.cnf'), caConfig(directory));
      writeFileSync(file('index.txt'), '');
      const dates = ['-startdate', asn1Time(from), '-enddate', asn1Time(until)];
      const files = ['-config', file('ca.cnf'), '-extfile', file(`${at}.ext`), '-in', file(`${at}.csr`)];
      await openssl('ca', '-batch', ...files, '-out', file(`${at}.pem`), '-notext', ...dates);
      return {
        cert: read(`${at}.pem`),
        key: read(`${at}.key`),
        certFile: file(`${at}.pem`),
        keyFile: file(`${at}.key`),
      };
    },
  };
}

/** `openssl ca`, unlike `openssl x509` of OpenSSL 3.0, can set a start date in the past. */
function caConfig(directory: string): string {
  return [
    '[ca]',
    'default_ca = it',
    '[it]',
    `database = ${directory}/index.txt`,
    `new_certs_dir = ${directory}`,
    `certificate = ${directory}/ca.pem`,
    `private_key = ${directory}/ca.key`,
    'rand_serial = yes',
    'default_md = sha256',
    'policy = any',
    'unique_subject = no',
    '[any]',
    'commonName = supplied',
    '',
  ].join('\n');
}

function asn1Time(date: Date): string {
  return `${date.toISOString().replaceAll(/[-:T]|\.\d+/g, '')}`;
}
