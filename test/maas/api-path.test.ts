import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findSignatureOverride, resolveApiPath } from '../../src/maas/api-path.ts';

function upstreamTarget(target: string): string {
  const resolved = resolveApiPath(target);
  return typeof resolved === 'string' ? resolved : resolved.path + resolved.query;
}

for (const [target, expected] of [
  // The three forms.
  ['/users/', '/users/'],
  ['/api/2.0/users/', '/users/'],
  ['/MAAS/api/2.0/users/', '/users/'],
  ['/MAAS//api/2.0//users/?op=whoami', '//users/?op=whoami'],
  ['//MAAS/api/2.0/users/', '/users/'],
  ['/', '/'],
  ['/MAAS/api/2.0', '/'],
  ['/maas/?op=get_config&name=x', '/maas/?op=get_config&name=x'],
  // Raw bytes stay.
  ['/subnets/10.0.0.0%2F24/?a=%zz&b=1%202', '/subnets/10.0.0.0%2F24/?a=%zz&b=1%202'],
  ['/discovery/a^b=c:d,e/', '/discovery/a^b=c:d,e/'],
  ['/tags/x\\y/', '/tags/x\\y/'],
  // A missing slash is added where MAAS wants one.
  ['/users', '/users/'],
  ['/users?op=whoami', '/users/?op=whoami'],
  ['/machines/abc', '/machines/abc/'],
  ['/files/a%2Fb.txt', '/files/a%2Fb.txt/'],
  ['/nodes/abc/blockdevices/3', '/nodes/abc/blockdevices/3/'],
  ['/nodes/abc/blockdevices/3/partitions', '/nodes/abc/blockdevices/3/partitions/'],
  // And not where it wants none.
  ['/scripts/update', '/scripts/update'],
  ['/commissioning-scripts/x', '/commissioning-scripts/x'],
  ['/license-key/windows/win2022', '/license-key/windows/win2022'],
  ['/nodes/abc/blockdevices/3/partition/4', '/nodes/abc/blockdevices/3/partition/4'],
  ['/nodes/abc/blockdevices/3/partitions/4?x', '/nodes/abc/blockdevices/3/partitions/4?x'],
  ['/virtual-machines/5', '/virtual-machines/5'],
  ['/vm-clusters/5', '/vm-clusters/5'],
  ['/openapi.yaml', '/openapi.yaml'],
  ['/machines/abc/op-deploy', '/machines/abc/op-deploy'],
  ['/machines/op%2Dallocate', '/machines/op%2Dallocate'],
  ['/scripts', '/scripts/'],
  // Outside of the API, or not to be trusted.
  ['/MAAS', 'outside-api'],
  ['/favicon.ico', 'outside-api'],
  ['/MAAS/', 'outside-api'],
  ['/MAAS/a/v3/machines', 'outside-api'],
  ['/MAAS/r/', 'outside-api'],
  ['/MAAS/rpc/', 'outside-api'],
  ['/MAAS/metadata/', 'outside-api'],
  ['/MAAS/api/1.0/users/', 'outside-api'],
  ['/MAAS/api/2.01/users/', 'outside-api'],
  ['/../a/v3/', 'dot-segment'],
  ['/users/../../../r/', 'dot-segment'],
  ['/users/%2e%2e/', 'dot-segment'],
  ['/users/.%2E/', 'dot-segment'],
  ['/users/./', 'dot-segment'],
  ['/users/x%2f..%2fy/', 'dot-segment'],
  ['/users/%', 'malformed'],
  ['/users/%zz/', 'malformed'],
  ['/users/%ff/', 'malformed'],
  ['/users/#x', 'malformed'],
  ['*', 'malformed'],
  ['users/', 'malformed'],
] as const) {
  test(`${target} ${/^[a-z-]+$/.test(expected) ? `is refused as ${expected}` : `becomes ${expected}`}`, () => {
    assert.equal(upstreamTarget(target), expected);
  });
}

for (const [query, name] of [
  ['?oauth_token=x', 'oauth_token'],
  ['?a=1&oauth_signature=x', 'oauth_signature'],
  ['?%6fauth_nonce', 'oauth_nonce'],
  ['?oauth%5Fversion=', 'oauth_version'],
  ['?OAUTH_token=x', 'oauth_token'],
  ['?callback=f', 'callback'],
  ['?call%62ack=f', 'callback'],
  ['?callbacks=f', undefined],
  ['?a=oauth_token', undefined],
  ['?a=b;oauth_token=x', undefined],
  ['?', undefined],
  ['', undefined],
] as const) {
  test(`in the query "${query}" ${name ?? 'nothing'} would override the signature`, () => {
    assert.equal(findSignatureOverride(query), name);
  });
}
