// What a gateway remembers of its clients is bounded, and forgotten in time.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createNonces, signatureWindow } from '../../src/clients/nonces.ts';
import { createFailedLoginThrottle } from '../../src/clients/failed-login-throttle.ts';

const start = 1_800_000_000;

/** As long as MAAS takes them. */
function longNonce(count: number): string {
  return `c:t:${'x'.repeat(240)}${count}`;
}

test('a nonce is remembered for as long as its signature could be used, and then forgotten', () => {
  const nonces = createNonces();
  assert.equal(nonces.use('c:t:n', start + signatureWindow, start), true);
  for (const later of [0, 60, 61, 200, 300]) {
    assert.equal(nonces.use('c:t:n', start + later + signatureWindow, start + later), false, `${later} s later`);
  }
  assert.equal(nonces.use('c:t:n', start + 301 + signatureWindow, start + 301), true);
});

test('a nonce of a clock that is ahead is remembered until its signature is old too', () => {
  const nonces = createNonces();
  const ahead = start + 3_600;
  assert.equal(nonces.use('c:t:n', ahead + signatureWindow, start), true);
  assert.equal(nonces.use('c:t:n', ahead + signatureWindow, start + 3_000), false);
  assert.equal(nonces.use('c:t:n', ahead + signatureWindow, ahead + signatureWindow), false);
});

test('the memory of nonces does not grow beyond its bound, and forgets the oldest first', () => {
  const nonces = createNonces(2_000);
  const use = (count: number): unknown => nonces.use(longNonce(count), start + signatureWindow, start);
  for (let count = 0; count < 6_000; count += 1) assert.equal(use(count), true);
  // It makes room for a tenth at a time.
  for (let count = 5_999; count >= 4_200; count -= 1) assert.equal(use(count), false, `${count}`);
  for (let count = 0; count < 4_000; count += 100) assert.equal(use(count), true, `${count}`);
});

test('a nonce that lasts for years does not keep others from being forgotten', () => {
  const nonces = createNonces(2_000);
  nonces.use('far', start * 2, start);
  for (let minute = 0; minute < 60; minute += 1) {
    const now = start + minute * 60;
    for (let count = 0; count < 200; count += 1) {
      assert.equal(nonces.use(`${minute} ${count}`, now + signatureWindow, now), true);
    }
  }
  // Of seven minutes there are 1,400, and so it was never crowded out.
  assert.equal(nonces.use('far', start * 2, start + 3_600), false);
});

test('failures are counted by address, IPv6 by network, for a minute', () => {
  const slowness = createFailedLoginThrottle();
  const fail = (address: string, times: number, now = 0): number[] =>
    Array.from({ length: times }, () => slowness(address, now));
  assert.deepEqual(new Set(fail('192.0.2.1', 10)), new Set([0]));
  assert.deepEqual(fail('192.0.2.1', 2), [1_000, 1_000]);
  assert.deepEqual(fail('192.0.2.2', 1), [0]);
  assert.deepEqual(fail('192.0.2.1', 1, 60_001), [0]);
  for (let host = 1; host <= 10; host += 1) assert.equal(slowness(`2001:db8::${host.toString(16)}:1`, 0), 0);
  assert.equal(slowness('2001:db8:0:0:ffff::1', 0), 1_000);
  assert.equal(slowness('2001:db8:0:1::1', 0), 0);
});

test('of addresses that fail a bounded number is remembered', () => {
  const slowness = createFailedLoginThrottle();
  for (let count = 0; count < 11; count += 1) slowness('192.0.2.1', 0);
  for (let count = 0; count < 10_000; count += 1) slowness(`10.${count >> 16}.${(count >> 8) & 255}.${count & 255}`, 0);
  assert.equal(slowness('192.0.2.1', 0), 0);
});
