// The sample of `check` in the README: what the program prints for such a MAAS, but for what differs from machine to machine.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { emptyDirectory, maas, run, someKey } from '../check-runs.ts';
import { freePorts } from '../support/ports.ts';

test('the sample of check in the README is what the program prints', async (t) => {
  const sample = /^\$ maas-auth-proxy check\n([^]*?)^```$/m.exec(readFileSync('README.md', 'utf8'))?.[1] ?? '';
  assert.notEqual(sample, '');
  const directory = emptyDirectory(t);
  const openssl = (args: string): Buffer => execFileSync('openssl', args.split(' '), { cwd: directory, stdio: 'pipe' });
  const newKey = 'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes';
  openssl(`${newKey} -subj /CN=Example-CA -days 3650 -out ca.pem -keyout ca.key`);
  openssl(
    `${newKey} -CA ca.pem -CAkey ca.key -subj /CN=maas.example -addext subjectAltName=DNS:localhost -days 313 -out maas.pem -keyout maas.key`,
  );
  const read = (file: string): string => readFileSync(`${directory}/${file}`, 'utf8');
  const { port } = new URL((await maas(t, { tls: { cert: read('maas.pem'), key: read('maas.key') } })).url);
  const [own = 0, admin = 0] = await freePorts(2);
  const { code, stdout } = await run(t, ['check'], {
    MAAS_URL: `https://localhost:${port}`,
    MAAS_API_KEY: someKey,
    MAAS_API_CACERT: `${directory}/ca.pem`,
    PORT: String(own),
    ADMIN_PORT: String(admin),
  });
  assert.equal(code, 1);
  const printed = stdout
    .replaceAll(new RegExp(`\\b${port}\\b`, 'g'), '5443')
    .replaceAll(new RegExp(`\\b${own}\\b`, 'g'), '8240')
    .replaceAll(new RegExp(`\\b${admin}\\b`, 'g'), '8241')
    .replaceAll('localhost', 'maas.example');
  assert.equal(same(printed), same(sample));
});

/** Without what differs from machine to machine and from day to day. */
function same(text: string): string {
  return text
    .replaceAll(/\d+ ms/g, 'some ms')
    .replaceAll(/valid until [\d-]+ \(\d+ days left\)/g, 'valid until some day')
    .replaceAll(/[0-9a-f:.]+(?= port 5443)|(?<=maas\.example is ).+/g, 'ADDRESS')
    .replaceAll(/(?<=characters, )\S+, from .+/g, 'FINGERPRINT, from SOMEWHERE')
    .trim();
}
