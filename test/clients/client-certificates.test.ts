// A gateway whose clients prove themselves by a certificate.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:https';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { test, type TestContext } from 'node:test';
import { promisify } from 'node:util';
import { startSimulator } from '../../src/simulator/simulator.ts';
import { makeAuthority, type Authority, type Certificate } from '../support/certificates.ts';
import { emptyDirectory } from '../support/cli.ts';
import { give, writeClients, type Given } from '../support/gateway.ts';
import { startOrigin } from '../support/origin.ts';
import { needProgram } from '../support/programs.ts';
import { startTestProxy, type TestProxy } from '../support/proxy.ts';
import { until } from '../support/until.ts';

const execute = promisify(execFile);

test("curl with a certificate is the client that its common name says, with that client's policy and MAAS key", async (t) => {
  const curl = await needProgram(t, 'curl');
  if (curl === undefined) return;
  const maas = await startSimulator();
  t.after(() => maas.close());
  const bobsKey = join(emptyDirectory(t), 'bob.key');
  writeFileSync(bobsKey, maas.userKey);
  const given = [give('ann', { policy: 'read-only' }), give('bob', { maasKeyFile: bobsKey })];
  const { gateway, servers, clients } = await startGateway(t, maas.url, given, maas.adminKey);
  const ask = async (name: string, ...args: string[]): Promise<string> => {
    const { certFile, keyFile } = await clients.issue('DNS:client', 2, name);
    const flags = ['-sS', '-i', '--cacert', servers.certFile, '--cert', certFile, '--key', keyFile];
    return (await execute(curl, [...flags, ...args])).stdout;
  };
  assert.match(await ask('ann', `${gateway.url}/users/?op=whoami`), /^HTTP\/1\.1 200 [^]*"username": "admin"/);
  assert.match(await ask('ann', `${gateway.url}/tags/`, '-d', 'name=x'), /^HTTP\/1\.1 403 [^]*policy-refused/);
  assert.match(await ask('bob', `${gateway.url}/users/?op=whoami`), /^HTTP\/1\.1 200 [^]*"username": "bob"/);
  // Tools that insist on a key may send any.
  const withKey = ['-H', 'Authorization: Bearer a:b:c'];
  assert.match(await ask('ann', `${gateway.url}/tags/`, ...withKey), /^HTTP\/1\.1 200 /);
  assert.deepEqual(
    gateway.log.filter(({ msg }) => msg === 'request').map(({ client }) => client),
    ['ann', 'ann', 'bob', 'ann'],
  );
});

const untrusted = /from an authority that the gateway does not trust; /;

test('each wrong certificate gets 401 with a sentence of its own, and nothing reaches MAAS', async (t) => {
  const origin = await startOrigin(t);
  const given = [give('ann'), give('old', { expires: '2020-01-01T00:00:00Z' })];
  const { gateway, servers, clients } = await startGateway(t, origin.url, given);
  const strangers = await makeAuthority(t, 'Strangers');
  const sameName = await makeAuthority(t, 'Clients');
  for (const [certificate, sentence, client, cause] of [
    [undefined, /^The gateway needs a client certificate, and there was none: /, undefined, /^no certificate$/],
    [
      await clients.issue('DNS:client', -1, 'ann'),
      /^The client certificate has expired; /,
      'ann',
      /^certificate expired on 20/,
    ],
    [await strangers.issue('DNS:client', -1, 'ann'), /^The client certificate .*; /, undefined, /^certificate /],
    [
      await clients.issue('DNS:client', 12, 'ann'),
      /^The client certificate is not valid yet; /,
      'ann',
      /^certificate not valid before 20/,
    ],
    [await strangers.issue('DNS:client', 2, 'ann'), untrusted, undefined, /^certificate of another authority \(\w+\)$/],
    [await sameName.issue('DNS:client', 2, 'ann'), untrusted, undefined, /^certificate of another authority \(\w+\)$/],
    [strangers, untrusted, undefined, /^certificate of another authority \(\w+\)$/],
    [
      await clients.issue('DNS:client', 2, 'eve'),
      /^The gateway knows no client by the common name \(CN\)/,
      undefined,
      /^no client of the common name "eve"$/,
    ],
    [
      await clients.issue('DNS:client', 2, 'old'),
      /^The time of the client that the certificate names has ended; /,
      'old',
      /^expired on 2020-01-01T00:00:00Z$/,
    ],
  ] as const) {
    const reply = await get(gateway, servers, certificate);
    assert.equal(reply.status, 401);
    assert.equal(reply.headers['content-type'], 'application/problem+json');
    assert.ok(reply.headers['www-authenticate']);
    assert.equal(reply.headers['connection'], 'close');
    assert.match(String((JSON.parse(reply.body) as { detail: unknown }).detail), sentence);
    const line = gateway.log.findLast(({ msg }) => msg === 'request');
    assert.equal(line?.['client'], client);
    assert.match(String(line?.['cause']), cause);
  }
  const bearer = { Authorization: `Bearer ${given[0]?.key}` };
  assert.equal((await get(gateway, servers, undefined, bearer)).status, 401, 'a key does not take its place');
  assert.equal(origin.received.length, 0);
});

test('a certificate of an authority that was made anew under the same name gets 401, also before its client has sent a request', async (t) => {
  const origin = await startOrigin(t);
  const { gateway, servers } = await startGateway(t, origin.url, [give('ann')]);
  const again = await makeAuthority(t, 'Clients');
  const fresh = await issueWithoutKeyIdentifier(t, again, 'ann', 2);
  const expired = await issueWithoutKeyIdentifier(t, again, 'ann', -1);
  const { hostname, port } = new URL(gateway.url);
  for (const [maxVersion, { cert, key }] of [
    ['TLSv1.3', fresh],
    ['TLSv1.2', fresh],
    ['TLSv1.3', expired],
  ] as const) {
    const socket = connect({ host: hostname, port: Number(port), ca: servers.cert, cert, key, maxVersion });
    t.after(() => socket.destroy());
    const text = await new Promise<string>((resolve, reject) => {
      let received = '';
      socket.on('data', (chunk: Buffer) => (received += chunk.toString()));
      socket.once('error', reject);
      socket.once('close', () => resolve(received));
    });
    assert.match(text, /^HTTP\/1\.1 401 Unauthorized\r\n/, maxVersion);
    assert.match(text, /\r\nWWW-Authenticate: Certificate realm="maas-auth-proxy"\r\n/);
    assert.match(
      text,
      /"The client certificate is from an authority that the gateway does not trust; [^]*"client-unknown"/,
    );
  }
  const curl = await needProgram(t, 'curl');
  if (curl === undefined) return;
  const flags = ['-sS', '-i', '--cacert', servers.certFile, '--cert', fresh.certFile, '--key', fresh.keyFile];
  assert.match((await execute(curl, [...flags, `${gateway.url}/users/`])).stdout, /^HTTP\/1\.1 401 /);
  // Whoever made it may write any name into it.
  assert.equal((await get(gateway, servers, expired)).status, 401);
  assert.ok(!JSON.stringify(gateway.log).includes('"client":"ann"'));
  assert.equal(origin.received.length, 0);
});

test('without a certificate passes what MAAS answers to anybody, and with a wrong one nothing', async (t) => {
  const origin = await startOrigin(t);
  const { gateway, servers } = await startGateway(t, origin.url, [give('ann')]);
  const strangers = await makeAuthority(t, 'Strangers');
  const agent = new Agent({ keepAlive: true, maxSockets: 1, ca: servers.cert });
  t.after(() => agent.destroy());
  const ask = (path: string, certificate?: Certificate): ReturnType<typeof get> =>
    get(gateway, servers, certificate, {}, certificate === undefined ? agent : undefined, path);
  assert.equal((await ask('/version/')).status, 200);
  assert.equal((await ask('/version/', await strangers.issue('DNS:client', 2, 'ann'))).status, 401);
  assert.equal((await ask('/users/')).status, 401);
  assert.deepEqual(
    origin.received.map(({ target, headers }) => [target, headers.authorization]),
    [['/MAAS/api/2.0/version/', undefined]],
  );
});

test('a client that is revoked, and an authority that is removed, are out on open connections too', async (t) => {
  const origin = await startOrigin(t);
  const given = [give('ann'), give('bob')];
  const { gateway, servers, clients, file, clientsFile } = await startGateway(t, origin.url, given);
  const next = await makeAuthority(t, 'Next Clients');
  const keep = (certificate: Certificate): (() => ReturnType<typeof get>) => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1, ca: servers.cert, ...pair(certificate) });
    t.after(() => agent.destroy());
    return () => get(gateway, servers, certificate, {}, agent);
  };
  const asAnn = keep(await clients.issue('DNS:client', 2, 'ann'));
  const asBob = keep(await clients.issue('DNS:client', 2, 'bob'));
  const asNew = keep(await next.issue('DNS:client', 2, 'ann'));
  assert.equal((await asAnn()).status, 200);
  assert.equal((await asBob()).status, 200);
  assert.equal((await asNew()).status, 401);

  writeClients(t, given.slice(0, 1), clientsFile);
  await until(() => told(gateway, /^read the clients file/) === 1, 'the clients are read again');
  assert.equal((await asBob()).status, 401);
  assert.equal((await asAnn()).status, 200);

  writeFileSync(file, clients.cert + next.cert);
  await until(
    () => told(gateway, /^read the authorities of clients in \S+ again$/) === 1,
    'both authorities are trusted',
  );
  assert.equal((await asNew()).status, 200);
  assert.equal((await asAnn()).status, 200);
  writeFileSync(file, next.cert);
  await until(() => told(gateway, /^read the authorities of clients in \S+ again$/) === 2, 'one of them is left');
  const refused = await asAnn();
  assert.equal(refused.status, 401);
  assert.match(refused.body, /from an authority that the gateway does not trust/);
  assert.equal((await asAnn()).status, 401, 'on a new connection as well');
  assert.equal((await asNew()).status, 200);
});

/** A gateway with authorities for its own certificate and for those of its clients. */
async function startGateway(
  t: TestContext,
  maasUrl: string,
  given: readonly Given[],
  key?: string,
): Promise<{ gateway: TestProxy; servers: Authority; clients: Authority; file: string; clientsFile: string }> {
  const [servers, clients] = [await makeAuthority(t, 'Servers'), await makeAuthority(t, 'Clients')];
  const own = await servers.issue('IP:127.0.0.1');
  const file = join(emptyDirectory(t), 'clients-ca.pem');
  writeFileSync(file, clients.cert);
  const clientsFile = writeClients(t, given);
  const tls = ['--tls-cert-file', own.certFile, '--tls-key-file', own.keyFile, '--client-ca-file', file];
  const flags = [...tls, '--clients-file', clientsFile];
  const gateway = await startTestProxy(t, maasUrl, { ...(key !== undefined && { key }), flags });
  return { gateway, servers, clients, file, clientsFile };
}

/** A certificate that names its authority by the subject alone, so that OpenSSL tries the key of the one that it knows by that name. */
async function issueWithoutKeyIdentifier(
  t: TestContext,
  authority: Authority,
  commonName: string,
  days: number,
): Promise<Certificate> {
  const at = (name: string): string => join(emptyDirectory(t), name);
  const [keyFile, asked, certFile] = [at('client.key'), at('client.csr'), at('client.pem')];
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  await execute('openssl', ['req', ...newKey, '-keyout', keyFile, '-out', asked, '-subj', `/CN=${commonName}`]);
  const by = ['-CA', authority.certFile, '-CAkey', authority.keyFile, '-CAcreateserial'];
  await execute('openssl', ['x509', '-req', '-in', asked, ...by, '-days', String(days), '-out', certFile]);
  return { cert: readFileSync(certFile, 'utf8'), key: readFileSync(keyFile, 'utf8'), certFile, keyFile };
}

function pair({ cert, key }: Certificate): { cert: string; key: string } {
  return { cert, key };
}

function get(
  { url }: TestProxy,
  servers: Authority,
  certificate: Certificate | undefined,
  headers: Record<string, string> = {},
  agent?: Agent,
  path = '/users/',
): Promise<{ status: number | undefined; headers: Record<string, string | string[] | undefined>; body: string }> {
  return new Promise((resolve, reject) => {
    const own = certificate === undefined ? {} : pair(certificate);
    const sent = request(url + path, { agent: agent ?? false, ca: servers.cert, headers, ...own });
    sent.once('response', (response) => {
      let body = '';
      response.on('data', (chunk: Buffer) => (body += chunk.toString()));
      response.once('end', () => resolve({ status: response.statusCode, headers: response.headers, body }));
    });
    sent.once('error', reject);
    sent.end();
  });
}

function told({ log }: TestProxy, sentence: RegExp): number {
  return log.filter(({ msg }) => sentence.test(String(msg))).length;
}
