// The proxy as an https server: what its clients see, and certificates that change.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:https';
import { connect as connectTcp } from 'node:net';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { connect, type TLSSocket } from 'node:tls';
import { promisify } from 'node:util';
import { makeAuthority, type Authority, type Certificate } from '../support/certificates.ts';
import { emptyDirectory, runCli, startCli } from '../support/cli.ts';
import { startOrigin, type Origin } from '../support/origin.ts';
import { needProgram } from '../support/programs.ts';
import { canaryKey, startTestProxy, type TestProxy } from '../support/proxy.ts';
import { send } from '../support/request.ts';
import { until } from '../support/until.ts';

const execute = promisify(execFile);

test('curl reads MAAS over https; MAAS, Location and the browser check know the scheme', async (t) => {
  const curl = await needProgram(t, 'curl');
  if (curl === undefined) return;
  const origin = await startOrigin(t, ({ url }, response) => {
    const location = `http://${response.req.headers.host}/MAAS/api/2.0/tags/new/`;
    response.writeHead(url?.includes('/tags/') === true ? 201 : 200, { Location: location }).end('ok');
  });
  const { proxy, authority } = await startHttps(t, origin);
  assert.match(proxy.url, /^https:\/\/127\.0\.0\.1:\d+$/);
  const run = async (...args: string[]): Promise<string> =>
    (await execute(curl, ['-sS', '-i', '--cacert', authority.certFile, ...args])).stdout;

  const answer = await run(`${proxy.url}/tags/`, '-d', 'name=new');
  assert.match(answer, /^HTTP\/1\.1 201/);
  assert.ok(answer.includes(`\r\nLocation: ${proxy.url}/tags/new/\r\n`), answer);
  assert.equal(origin.received[0]?.headers['x-forwarded-proto'], 'https');

  assert.match(await run(`${proxy.url}/users/`, '-H', `Origin: ${proxy.url}`), /^HTTP\/1\.1 200/);
  assert.match(
    await run(`${proxy.url}/users/`, '-H', `Origin: ${proxy.url.replace('https', 'http')}`),
    /^HTTP\/1\.1 403/,
  );
});

test('TLS 1.2 is the least', async (t) => {
  const { proxy, authority } = await startHttps(t, await startOrigin(t));
  for (const [maxVersion, expected] of [
    ['TLSv1.3', 'TLSv1.3'],
    ['TLSv1.2', 'TLSv1.2'],
    ['TLSv1.1', 'refused'],
  ] as const) {
    const found = await new Promise((resolve) => {
      const { hostname, port } = new URL(proxy.url);
      // The client's own library would not offer 1.1 at a higher level of security.
      const options = { minVersion: 'TLSv1', maxVersion, ca: authority.cert, ciphers: 'DEFAULT@SECLEVEL=0' } as const;
      const socket = connect({ host: hostname, port: Number(port), ...options }, () => {
        resolve(socket.getProtocol());
        socket.destroy();
      });
      socket.once('error', () => resolve('refused'));
    });
    assert.equal(found, expected);
  }
});

test('who speaks plain http to the https port is told so', async (t) => {
  const origin = await startOrigin(t);
  const { proxy } = await startHttps(t, origin);
  const reply = await send(`${proxy.url.replace('https:', 'http:')}/users/`);
  assert.equal(reply.status, 400);
  assert.match(String(reply.json()['detail']), /speaks https, not plain http/);
  assert.equal(origin.received.length, 0);
  assert.equal(proxy.log.filter(({ msg }) => msg === 'no request').length, 1);
});

test('what is wrong with the files of https is said in a sentence, with exit code 2', async (t) => {
  const authority = await makeAuthority(t);
  const [one, other] = [await authority.issue('IP:127.0.0.1'), await authority.issue('IP:127.0.0.1')];
  const directory = emptyDirectory(t);
  const junk = join(directory, 'junk.pem');
  writeFileSync(junk, 'junk\n');
  const encrypted = join(directory, 'encrypted.pem');
  await execute('openssl', ['pkey', '-in', one.keyFile, '-aes256', '-passout', 'pass:x', '-out', encrypted]);
  const env = { MAAS_URL: 'http://127.0.0.1:1', MAAS_API_KEY: canaryKey, PORT: '0', ADMIN_PORT: 'off' };
  const certAndKey = both(one.certFile, one.keyFile);
  for (const [args, sentence] of [
    [
      ['--tls-cert-file', one.certFile],
      /^--tls-cert-file is set, and --tls-key-file \(TLS_KEY_FILE\) is not; https needs both\.$/,
    ],
    [
      ['--tls-key-file', one.keyFile],
      /^--tls-key-file is set, and --tls-cert-file \(TLS_CERT_FILE\) is not; https needs both\.$/,
    ],
    [
      both(one.certFile, other.keyFile),
      /^--tls-cert-file names the file \S+, whose first certificate does not belong to the key in \S+; put/,
    ],
    [both(junk, one.keyFile), /^--tls-cert-file names the file \S+, which holds no certificate in PEM/],
    [both(one.certFile, junk), /for its key the file \S+, which holds no private key in PEM/],
    [both(one.certFile, encrypted), /for its key the file \S+, which is encrypted; decrypt it with "openssl pkey/],
    [both(one.certFile, '/nonexistent'), /for its key the file \/nonexistent, which does not exist\.$/],
    [
      [...certAndKey, '--socket', join(directory, 's')],
      /^--tls-cert-file and --socket are both set; a unix socket needs no https/,
    ],
    [
      ['--client-ca-file', authority.certFile],
      /^--client-ca-file is set, and --tls-cert-file \(TLS_CERT_FILE\) is not; /,
    ],
    [
      [...certAndKey, '--client-ca-file', authority.certFile],
      /^--client-ca-file is set, and --clients-file \(CLIENTS_FILE\) is not; /,
    ],
  ] as const) {
    const { code, stderr } = await runCli(t, args, env);
    assert.equal(code, 2, stderr);
    assert.equal(stderr.trim().split('\n').length, 1, stderr);
    assert.match(stderr.trim(), sentence);
  }
});

test('a new certificate is for new connections, and an open one goes on; half a change is no mistake', async (t) => {
  const { proxy, authority, files } = await startHttps(t, await startOrigin(t));
  const agent = new Agent({ keepAlive: true, maxSockets: 1, ca: authority.cert });
  t.after(() => agent.destroy());
  const first = await get(`${proxy.url}/users/`, agent);
  const next = await authority.issue('IP:127.0.0.1', 9);

  writeFileSync(files.certFile, next.cert);
  await wait(500); // certificate and key are written one after the other, and looked at in between
  writeFileSync(files.keyFile, next.key);
  await until(
    () => told(proxy, /^read the certificate in \S+ again: IP Address:127\.0\.0\.1, valid until \d{4}-/) === 1,
    'it is told',
  );
  assert.deepEqual(errors(proxy), []);
  assert.notEqual((await get(`${proxy.url}/users/`, undefined, authority)).serial, first.serial);
  assert.equal(
    (await get(`${proxy.url}/users/`, agent)).serial,
    first.serial,
    'the open connection is still the first',
  );

  const metrics = (await send(`${proxy.adminUrl}/metrics`)).body.toString();
  const [, end = ''] =
    /^maas_auth_proxy_certificate_expiry_timestamp_seconds\{certificate="listener"\} (\S+)$/m.exec(metrics) ?? [];
  assert.ok(Math.abs(Number(end) * 1000 - (Date.now() + 9 * 86_400_000)) < 60_000, end);

  const expired = await authority.issue('IP:127.0.0.1', -1);
  writeFileSync(files.keyFile, expired.key);
  writeFileSync(files.certFile, expired.cert);
  await until(() => errors(proxy).length === 1, 'an expired one is refused');
  assert.match(errors(proxy)[0] ?? '', /^The certificate that \S+ holds now has expired, and is not used; /);
  writeFileSync(files.keyFile, next.key);
  await until(() => errors(proxy).length === 2, 'a key of another one is refused');
  assert.match(errors(proxy)[1] ?? '', /whose first certificate does not belong to the key in /);
  assert.equal((await get(`${proxy.url}/users/`, undefined, authority)).status, 200);
});

test(
  'the program stops without cutting an answer, and whatever TLS connections there are',
  { timeout: 60_000 },
  async (t) => {
    const authority = await makeAuthority(t);
    const { certFile, keyFile } = await authority.issue('IP:127.0.0.1');
    let answer: (() => void) | undefined;
    const origin = await startOrigin(t, ({ url }, response) => {
      if (url?.includes('/machines/') === true) answer = () => response.end('all of it');
      else response.end('{"version": "3.7.3", "username": "admin"}');
    });
    const running = startCli(
      t,
      ['--port', '0', '--admin-port', '0', '--tls-cert-file', certFile, '--tls-key-file', keyFile],
      {
        MAAS_URL: origin.url,
        MAAS_API_KEY: canaryKey,
        DRAIN_TIMEOUT: '3600',
      },
    );
    const [, url = '', adminPort = ''] = await running.printed(/"url":"(https:[^"]+)","adminUrl":"http:[^"]+:(\d+)"/);
    assert.equal((await runCli(t, ['healthcheck', '--ready', '--admin-port', adminPort])).code, 0);
    const { hostname: host, port } = new URL(url);
    const open = (): Promise<TLSSocket> =>
      new Promise((resolve, reject) => {
        const socket = connect({ host, port: Number(port), ca: authority.cert }, () => resolve(socket));
        socket.once('error', reject);
      });
    const [unused, late] = [await open(), await open()];
    const silent = connectTcp(Number(port), host);
    const closed = [unused, late, silent].map(
      (socket) => new Promise((resolve) => socket.resume().once('close', resolve)),
    );
    const slow = get(`${url}/machines/`, undefined, authority);
    await until(() => answer !== undefined, 'the request is at MAAS');

    running.child.kill('SIGTERM');
    await running.printed(/SIGTERM: waiting for requests in flight/);
    let heard = '';
    late.on('data', (chunk: Buffer) => (heard += chunk.toString()));
    late.write('GET /users/ HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await Promise.all(closed);
    assert.match(heard, /^HTTP\/1\.1 200 [^]*\r\nConnection: close\r\n/);
    answer?.();
    assert.equal((await slow).body, 'all of it');
    assert.deepEqual(await running.ended.then(({ code, stderr }) => ({ code, stderr })), { code: 0, stderr: '' });
  },
);

function both(cert: string, key: string): string[] {
  return ['--tls-cert-file', cert, '--tls-key-file', key];
}

/** A proxy that serves https, with its certificate in files that a test may change. */
async function startHttps(
  t: TestContext,
  origin: Origin,
): Promise<{ proxy: TestProxy; authority: Authority; files: Pick<Certificate, 'certFile' | 'keyFile'> }> {
  const authority = await makeAuthority(t);
  const made = await authority.issue('IP:127.0.0.1');
  const directory = emptyDirectory(t);
  const files = { certFile: join(directory, 'tls.crt'), keyFile: join(directory, 'tls.key') };
  copyFileSync(made.certFile, files.certFile);
  writeFileSync(files.keyFile, readFileSync(made.keyFile), { mode: 0o600 });
  const flags = ['--tls-cert-file', files.certFile, '--tls-key-file', files.keyFile];
  return { proxy: await startTestProxy(t, origin.url, { flags }), authority, files };
}

/** One request, and the serial number of the certificate on the other side. */
function get(
  url: string,
  agent: Agent | undefined,
  authority?: Authority,
): Promise<{ status: number | undefined; serial: string; body: string }> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { agent: agent ?? false, ...(authority !== undefined && { ca: authority.cert }) });
    sent.once('response', (response) => {
      const serial = (response.socket as TLSSocket).getPeerCertificate().serialNumber;
      let body = '';
      response.on('data', (chunk: Buffer) => (body += chunk.toString()));
      response.once('end', () => resolve({ status: response.statusCode, serial, body }));
    });
    sent.once('error', reject);
    sent.end();
  });
}

function told({ log }: TestProxy, sentence: RegExp): number {
  return log.filter(({ msg }) => sentence.test(String(msg))).length;
}

function errors({ log }: TestProxy): string[] {
  return log.filter(({ level, file }) => level === 50 && file !== undefined).map(({ msg }) => String(msg));
}
