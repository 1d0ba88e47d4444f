import assert from 'node:assert/strict';
import { createServer } from 'node:https';
import { createServer as createTcpServer, type AddressInfo } from 'node:net';
import { test, type TestContext } from 'node:test';
import { makeAuthority, type Certificate } from '../support/certificates.ts';
import { startOrigin } from '../support/origin.ts';
import { startTestProxy } from '../support/proxy.ts';
import { send } from '../support/request.ts';

/** A MAAS with TLS; `received` holds the Authorization headers that arrived. */
async function startTlsMaas(t: TestContext, { cert, key }: Certificate): Promise<{ url: string; received: string[] }> {
  const received: string[] = [];
  const server = createServer({ cert, key }, (request, response) => {
    received.push(request.headers.authorization ?? '');
    response.end('ok');
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return { url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`, received };
}

test('a self-signed MAAS is refused with 502 and a sentence that names --ca-file, and never sees the key', async (t) => {
  const authority = await makeAuthority(t);
  const maas = await startTlsMaas(t, await authority.issue('IP:127.0.0.1'));
  const proxy = await startTestProxy(t, maas.url);
  const reply = await send(`${proxy.url}/users/`);
  assert.equal(reply.status, 502);
  assert.equal(reply.headers['proxy-status'], 'maas-auth-proxy; error=tls_certificate_error');
  assert.equal(reply.json()['code'], 'maas-certificate-unknown-issuer');
  assert.match(String(reply.json()['detail']), /--ca-file/);
  assert.deepEqual(maas.received, []);
});

test("with MAAS's authority in --ca-file it works", async (t) => {
  const authority = await makeAuthority(t);
  const maas = await startTlsMaas(t, await authority.issue('IP:127.0.0.1'));
  const proxy = await startTestProxy(t, maas.url, { flags: ['--ca-file', authority.certFile] });
  assert.equal((await send(`${proxy.url}/users/`)).status, 200);
  assert.match(maas.received[0] ?? '', /^OAuth /);
});

test('the authority of another MAAS does not help', async (t) => {
  const maas = await startTlsMaas(t, await (await makeAuthority(t)).issue('IP:127.0.0.1'));
  const other = await makeAuthority(t, 'Other Authority');
  const proxy = await startTestProxy(t, maas.url, { flags: ['--ca-file', other.certFile] });
  assert.equal((await send(`${proxy.url}/users/`)).json()['code'], 'maas-certificate-unknown-issuer');
  assert.deepEqual(maas.received, []);
});

test('an expired certificate is said so', async (t) => {
  const authority = await makeAuthority(t);
  const maas = await startTlsMaas(t, await authority.issue('IP:127.0.0.1', -1));
  const proxy = await startTestProxy(t, maas.url, { flags: ['--ca-file', authority.certFile] });
  const reply = await send(`${proxy.url}/users/`);
  assert.equal(reply.status, 502);
  assert.equal(reply.json()['code'], 'maas-certificate-expired');
  assert.deepEqual(maas.received, []);
});

test('a certificate for another name is said so', async (t) => {
  const authority = await makeAuthority(t);
  const maas = await startTlsMaas(t, await authority.issue('DNS:maas.example'));
  const proxy = await startTestProxy(t, maas.url, { flags: ['--ca-file', authority.certFile] });
  const reply = await send(`${proxy.url}/users/`);
  assert.equal(reply.status, 502);
  assert.equal(reply.json()['code'], 'maas-certificate-wrong-name');
  assert.deepEqual(maas.received, []);
});

test('--insecure takes any certificate', async (t) => {
  const authority = await makeAuthority(t);
  const maas = await startTlsMaas(t, await authority.issue('DNS:maas.example', -1));
  const proxy = await startTestProxy(t, maas.url, { flags: ['--insecure'] });
  assert.equal((await send(`${proxy.url}/users/`)).status, 200);
});

test('https at the plain port, and at something that speaks no TLS, is said so', async (t) => {
  const plain = await startOrigin(t);
  const proxy = await startTestProxy(t, plain.url.replace('http:', 'https:'));
  const reply = await send(`${proxy.url}/users/`);
  assert.equal(reply.status, 502);
  assert.equal(reply.json()['code'], 'maas-tls');
  assert.match(String(reply.json()['detail']), /5443/);
  assert.equal(plain.received.length, 0);

  const mute = createTcpServer((socket) => socket.destroy()).listen(0, '127.0.0.1');
  t.after(() => mute.close());
  await new Promise((resolve) => mute.once('listening', resolve));
  const other = await startTestProxy(t, `https://127.0.0.1:${(mute.address() as AddressInfo).port}`);
  assert.equal((await send(`${other.url}/users/`)).status, 502);
});
