import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseMaasAddress } from '../../src/maas/maas-address.ts';

for (const [text, href] of [
  ['http://h:5240', 'http://h:5240/MAAS/api/2.0/'],
  ['http://h:5240/', 'http://h:5240/MAAS/api/2.0/'],
  ['http://h:5240/MAAS', 'http://h:5240/MAAS/api/2.0/'],
  ['http://h:5240/MAAS/', 'http://h:5240/MAAS/api/2.0/'],
  ['http://h:5240/MAAS/api/2.0', 'http://h:5240/MAAS/api/2.0/'],
  ['http://h:5240/MAAS/api/2.0/', 'http://h:5240/MAAS/api/2.0/'],
  [' HTTPS://Maas.Example ', 'https://maas.example/MAAS/api/2.0/'],
  ['https://h:5443/MAAS/r/machines?', 'https://h:5443/MAAS/api/2.0/'],
  ['http://h:5240/MAAS/r/machine/abc/summary#x', 'http://h:5240/MAAS/api/2.0/'],
  ['http://[fd00::1]:5240/MAAS', 'http://[fd00::1]:5240/MAAS/api/2.0/'],
  ['https://gate.example/lab/one', 'https://gate.example/lab/one/MAAS/api/2.0/'],
  ['https://gate.example/lab/MAAS/api/2.0/', 'https://gate.example/lab/MAAS/api/2.0/'],
] as const) {
  test(`the address ${text.trim()} means ${href}`, () => {
    assert.equal(parseMaasAddress(text).href, href);
  });
}

for (const [text, sentence] of [
  ['maas:5240', /begin with http/],
  ['ftp://maas', /begin with http/],
  ['http://', /not a valid address/],
  ['http://h:99999', /not a valid address/],
  ['http://h h', /spaces/],
  ['http://admin:hunter2@h/MAAS', /user name or password/],
  ['http://h/MAAS?x=1', /query/],
  ['http://h/maas', /capital letters/],
  ['http://h/MAAS/api/1.0/', /API 1\.0/],
  ['http://h/MAAS/rpc/', /end it at \/MAAS/],
  ['http://h/api/2.0/', /without \/MAAS/],
] as const) {
  test(`the address ${text.replace('hunter2', '…')} is refused with a sentence`, () => {
    assert.throws(
      () => parseMaasAddress(text),
      (error: Error) => {
        assert.match(error.message, sentence);
        assert.doesNotMatch(error.message, /hunter2/);
        return true;
      },
    );
  });
}
