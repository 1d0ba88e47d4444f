import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { promisify } from 'node:util';
import { check, maas, tcpServer } from '../check-runs.ts';

const directory = mkdtempSync(join(tmpdir(), 'maas-auth-proxy-certificates-'));
after(() => rmSync(directory, { recursive: true, force: true }));

const self = certificate('self', { names: 'IP:127.0.0.1' });
const ending = certificate('ending', { names: 'IP:127.0.0.1', days: 10 });
const otherName = certificate('other-name', { names: 'DNS:maas.example,IP:192.0.2.7' });
const expired = certificate('expired', { names: 'IP:127.0.0.1', from: '20230101000000Z', to: '20240101000000Z' });
const authority = certificate('Lab CA', { names: 'DNS:lab-ca.example', authority: true });
const issued = certificate('issued', { names: 'IP:127.0.0.1', issuer: authority });

/** Not `execFileSync`: the server that is asked is in this process. */
const shell = (command: string): Promise<unknown> =>
  promisify(execFile)('sh', ['-c', command], { cwd: directory, timeout: 10_000 });

interface Pair {
  readonly cert: string;
  readonly key: string;
  readonly certFile: string;
  readonly keyFile: string;
}

/** A throw-away certificate, self-signed where no issuer is named. */
function certificate(
  name: string,
  wish: { names: string; days?: number; from?: string; to?: string; issuer?: Pair; authority?: boolean },
): Pair {
  const file = (suffix: string): string => join(directory, `${name.replaceAll(' ', '-')}${suffix}`);
  const [certFile, keyFile, requestFile] = [file('.crt'), file('.key'), file('.csr')] as const;
  const config = file('.cnf');
  writeFileSync(file('.txt'), '');
  writeFileSync(
    config,
    `[ca]\ndefault_ca=own\n[own]\ndatabase=${file('.txt')}\nnew_certs_dir=${directory}\nrand_serial=yes\ndefault_md=sha256\n` +
      `unique_subject=no\npolicy=any\nx509_extensions=ext\n[any]\ncommonName=supplied\n` +
      `[ext]\nsubjectAltName=${wish.names}\nbasicConstraints=critical,CA:${wish.authority === true ? 'TRUE' : 'FALSE'}\n` +
      `[req]\ndistinguished_name=dn\n[dn]\n`,
  );
  const openssl = (...args: string[]): unknown => execFileSync('openssl', args, { stdio: 'pipe', cwd: directory });
  const elliptic = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  openssl(
    'req',
    '-new',
    ...elliptic,
    '-config',
    config,
    '-subj',
    `/CN=${name}`,
    '-keyout',
    keyFile,
    '-out',
    requestFile,
  );
  openssl(
    'ca',
    '-batch',
    '-notext',
    '-config',
    config,
    '-in',
    requestFile,
    '-out',
    certFile,
    ...(wish.issuer === undefined
      ? ['-selfsign', '-keyfile', keyFile]
      : ['-cert', wish.issuer.certFile, '-keyfile', wish.issuer.keyFile]),
    ...(wish.from !== undefined && wish.to !== undefined
      ? ['-startdate', wish.from, '-enddate', wish.to]
      : ['-days', String(wish.days ?? 400)]),
  );
  return { cert: readFileSync(certFile, 'utf8'), key: readFileSync(keyFile, 'utf8'), certFile, keyFile };
}

test('a self-signed certificate: how to save it, what to compare it with; and nothing is sent', async (t) => {
  const { url, port, adminKey, received } = await maas(t, { tls: self });
  const { code, step } = await check(t, { MAAS_URL: url, MAAS_API_KEY: adminKey });
  assert.equal(code, 1);
  const { status, detail, remedy = '' } = step('TLS');
  assert.equal(status, 'error');
  assert.match(
    detail,
    /^the certificate is self-signed, and this machine does not trust it; TLS 1\.3, CN=self, self-signed/,
  );
  assert.ok(
    remedy.includes(`openssl s_client -connect 127.0.0.1:${port} -showcerts </dev/null 2>/dev/null | openssl x509`),
  );
  assert.ok(remedy.includes(new X509Certificate(self.cert).fingerprint256));
  assert.match(remedy, /--ca-file maas-ca\.pem/);
  assert.equal(step('API key').detail, 'not tried, because of TLS');
  assert.deepEqual(received, []);
});

test('what the remedy says works', async (t) => {
  const { url, adminKey } = await maas(t, { tls: self });
  const { step } = await check(t, { MAAS_URL: url, MAAS_API_KEY: adminKey });
  const command = /^Save it: (.+)$/m.exec(step('TLS').remedy ?? '')?.[1] ?? 'false';
  await shell(command);
  const again = await check(t, { MAAS_URL: url, MAAS_API_KEY: adminKey }, '--ca-file', join(directory, 'maas-ca.pem'));
  assert.equal(again.code, 0);
  assert.match(again.step('TLS').detail, /^TLS 1\.3, CN=self, .* \(399 days left\), trusted by the CA file$/);
  assert.equal(again.step('identity').detail, 'admin, administrator');
  assert.equal(again.step('clear text').detail, 'no, https');
});

test('a certificate of an authority that MAAS does not send: which one it is', async (t) => {
  const { url, adminKey } = await maas(t, { tls: issued });
  const { code, step } = await check(t, { MAAS_URL: url, MAAS_API_KEY: adminKey }, '--ca-file', self.certFile);
  assert.equal(code, 1);
  assert.match(step('TLS').detail, /^the chain ends in issuer CN=Lab CA, .* trust; the CA file holds CN=self;/);
  assert.match(step('TLS').remedy ?? '', /certificate of CN=Lab CA in PEM by --ca-file/);

  const trusted = await check(t, { MAAS_URL: url, MAAS_API_KEY: adminKey }, '--ca-file', authority.certFile);
  assert.equal(trusted.code, 0);
  assert.match(trusted.step('TLS').detail, /CN=issued, issued by CN=Lab CA, .* trusted by the CA file$/);
});

test('a certificate of an authority that MAAS sends along: the chain saved by the remedy is trusted', async (t) => {
  const { url, adminKey } = await maas(t, { tls: { key: issued.key, cert: issued.cert + authority.cert } });
  const { code, step } = await check(t, { MAAS_URL: url, MAAS_API_KEY: adminKey });
  assert.equal(code, 1);
  assert.match(step('TLS').detail, /^the chain ends in CN=Lab CA, which this machine does not trust/);
  const remedy = step('TLS').remedy ?? '';
  assert.ok(remedy.includes(new X509Certificate(authority.cert).fingerprint256));
  await shell(/^Save the chain: (.+)$/m.exec(remedy)?.[1] ?? 'false');
  const again = await check(t, { MAAS_URL: url, MAAS_API_KEY: adminKey }, '--ca-file', join(directory, 'maas-ca.pem'));
  assert.equal(again.code, 0);
});

test('a certificate that has expired', async (t) => {
  const { url, adminKey, received } = await maas(t, { tls: expired });
  const { code, step } = await check(t, { MAAS_URL: url, MAAS_API_KEY: adminKey }, '--ca-file', expired.certFile);
  assert.equal(code, 1);
  assert.match(step('TLS').detail, /^the certificate has expired on 2024-01-01;/);
  assert.match(step('TLS').remedy ?? '', /^Renew it on MAAS/);
  assert.deepEqual(received, []);
});

test('a certificate that is about to expire is a warning', async (t) => {
  const { url, adminKey } = await maas(t, { tls: ending });
  const { code, step } = await check(t, { MAAS_URL: url, MAAS_API_KEY: adminKey }, '--ca-file', ending.certFile);
  assert.equal(code, 0);
  assert.equal(step('TLS').status, 'warning');
  assert.match(step('TLS').detail, /^the certificate expires on \d{4}-\d\d-\d\d; .*\(9 days left\)/);
});

test('a certificate for other names: which ones', async (t) => {
  const { url, adminKey, received } = await maas(t, { tls: otherName });
  const { code, step } = await check(t, { MAAS_URL: url, MAAS_API_KEY: adminKey }, '--ca-file', otherName.certFile);
  assert.equal(code, 1);
  assert.match(step('TLS').detail, /^the certificate is not for 127\.0\.0\.1, but for maas\.example, 192\.0\.2\.7;/);
  assert.deepEqual(received, []);
});

test('--insecure goes on, with a warning', async (t) => {
  const { url, adminKey } = await maas(t, { tls: otherName });
  const { code, step } = await check(t, { MAAS_URL: url, MAAS_API_KEY: adminKey }, '--insecure');
  assert.equal(code, 0);
  assert.equal(step('TLS').status, 'warning');
  assert.match(step('TLS').detail, /not for 127\.0\.0\.1.*self-signed/);
  assert.match(step('TLS').remedy ?? '', /whoever answers there gets the API key/);
  assert.equal(step('identity').status, 'ok');
});

test('a CA file that does not exist', async (t) => {
  const { url, adminKey } = await maas(t, { tls: self });
  const { code, step } = await check(t, { MAAS_URL: url, MAAS_API_KEY: adminKey }, '--ca-file', 'nowhere.pem');
  assert.equal(code, 1);
  assert.match(step('TLS').detail, /--ca-file names the file nowhere\.pem, which does not exist/);
  assert.equal(step('API key').status, 'skipped');
});

test('https to a port that speaks plain http', async (t) => {
  const { port, adminKey } = await maas(t);
  const { code, step } = await check(t, { MAAS_URL: `https://127.0.0.1:${port}`, MAAS_API_KEY: adminKey });
  assert.equal(code, 1);
  assert.match(step('TLS').remedy ?? '', /the plain one \(5240\) wants http:\/\//);
});

test('http to a port that speaks TLS', async (t) => {
  const { port, adminKey, received } = await maas(t, { tls: self });
  const { code, step } = await check(t, { MAAS_URL: `http://127.0.0.1:${port}`, MAAS_API_KEY: adminKey });
  assert.equal(code, 1);
  assert.equal(step('HTTP').status, 'error');
  assert.match(step('HTTP').remedy ?? '', /wants https:\/\//);
  assert.deepEqual(received, []);
});

test('a port that hangs up during the handshake', async (t) => {
  const url = await tcpServer(t, (socket) => socket.once('data', () => socket.destroy()));
  const { code, step } = await check(t, { MAAS_URL: url.replace('http:', 'https:'), MAAS_API_KEY: 'a:b:c' });
  assert.equal(code, 1);
  assert.equal(step('TLS').detail, 'the connection was closed during the TLS handshake');
});
