// The certificate authorities of MAAS that change while the proxy runs.
import assert from 'node:assert/strict';
import { copyFileSync, writeFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { makeAuthority } from '../support/certificates.ts';
import { emptyDirectory } from '../support/cli.ts';
import { startTestProxy } from '../support/proxy.ts';
import { send } from '../support/request.ts';
import { until } from '../support/until.ts';

test('new connections to MAAS trust the new authorities, and a request on an old one is not cut', async (t) => {
  const [old, next] = [await makeAuthority(t, 'Old Authority'), await makeAuthority(t, 'New Authority')];
  const held: ServerResponse[] = [];
  const server = createServer(await old.issue('IP:127.0.0.1'), (request, response) => {
    if (request.url?.includes('/machines/') === true) held.push(response.writeHead(200));
    else response.end('ok');
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const file = join(emptyDirectory(t), 'ca.pem');
  copyFileSync(old.certFile, file);
  const proxy = await startTestProxy(t, `https://127.0.0.1:${(server.address() as AddressInfo).port}`, {
    flags: ['--ca-file', file, '--no-coalesce'],
  });
  const said = (sentence: RegExp): number => proxy.log.filter(({ msg }) => sentence.test(String(msg))).length;

  const slow = send(`${proxy.url}/machines/`);
  await until(() => held.length === 1, 'the slow request is at MAAS');
  const { cert, key } = await next.issue('IP:127.0.0.1');
  server.setSecureContext({ cert, key });
  writeFileSync(file, 'nothing of use');
  await until(
    () => said(/which holds no certificate in PEM .*; what was read before stays in force\.$/) === 1,
    'a mistake is said',
  );
  writeFileSync(file, next.cert);
  await until(() => said(/^read the certificate authorities in \S+ again$/) === 1, 'the change is told');

  const fresh = await send(`${proxy.url}/users/`);
  assert.equal(fresh.status, 200, fresh.body.toString());
  held[0]?.end('all of it');
  const whole = await slow;
  assert.equal(whole.status, 200);
  assert.equal(whole.body.toString(), 'all of it');

  writeFileSync(file, old.cert);
  await until(() => said(/^read the certificate authorities/) === 2, 'the change is told');
  assert.equal((await send(`${proxy.url}/users/`)).json()['code'], 'maas-certificate-unknown-issuer');
});
