import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ApiKey } from '../../src/maas/api-key.ts';
import { createSigner } from '../../src/maas/signature.ts';

test('the signature has the canonical form that MAAS documents', () => {
  const header = createSigner(ApiKey.parse('C:T:S'))(1_700_000_000);
  assert.match(
    header,
    /^OAuth oauth_version="1\.0", oauth_signature_method="PLAINTEXT", oauth_consumer_key="C", oauth_token="T", oauth_signature="%26S", oauth_nonce="[0-9a-f]{32}", oauth_timestamp="1700000000"$/,
  );
});

test('no two signatures share a nonce', () => {
  const signer = createSigner(ApiKey.parse('C:T:S'));
  const nonces = new Set(Array.from({ length: 10_000 }, () => /oauth_nonce="(\w+)"/.exec(signer(1))?.[1]));
  assert.equal(nonces.size, 10_000);
});
