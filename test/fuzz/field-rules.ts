// Which header fields should reach the other side: the rules of both directions, over again.
import assert from 'node:assert/strict';
import { trimmed, type RawMessage } from '../support/recording-maas.ts';
import { valuesOf, type Field } from './fields.ts';

const hopByHop = 'connection keep-alive proxy-connection te trailer transfer-encoding upgrade http2-settings';

/** What would speak to MAAS in place of the proxy, or is set anew by it. */
const notTheClients = new Set(
  `${hopByHop} expect authorization cookie cookie2 macaroons forwarded x-real-ip host content-length via x-request-id`.split(
    ' ',
  ),
);

/** What would act on the client beyond this answer, or is the proxy's to say. */
const notForTheClient = new Set(
  `${hopByHop} set-cookie set-cookie2 strict-transport-security via x-request-id content-length`.split(' '),
);

/** What a request for MAAS has of the proxy's own, in alphabetical order. */
const ownFields = 'authorization connection host via x-forwarded-for x-forwarded-host x-forwarded-proto x-request-id';

/** What an answer for the client has of the proxy's own, or of Node's. */
const addedToAnswers = new Set('via x-request-id connection keep-alive content-length transfer-encoding'.split(' '));

function reachesMaas(name: string): boolean {
  const lower = name.toLowerCase();
  if (lower.includes('_') || lower.startsWith('x-forwarded-') || lower.startsWith('proxy-')) return false;
  return !notTheClients.has(lower);
}

/** The fields that `Connection` makes fields of one connection. */
function listed(fields: readonly Field[]): ReadonlySet<string> {
  const lists = valuesOf(fields, 'connection').map((list) => list.split(','));
  return new Set(lists.flat().map((name) => trimmed(name).toLowerCase()));
}

/** A request without a body must have these fields of the client's, in this order, and one each of the proxy's own. */
export function assertFieldsAtMaas(arrived: RawMessage, sent: readonly Field[], maasHost: string): void {
  const options = listed(sent);
  assert.deepEqual(
    arrived.fields.filter(([name]) => reachesMaas(name)),
    sent
      .filter(([name]) => reachesMaas(name) && !options.has(name.toLowerCase()))
      .map(([name, text]) => [name, trimmed(text)]),
  );
  const own = arrived.fields.filter(([name]) => !reachesMaas(name));
  assert.equal(
    own
      .map(([name]) => name.toLowerCase())
      .toSorted()
      .join(' '),
    ownFields,
  );
  const one = (name: string): string => valuesOf(own, name)[0] ?? '';
  assert.equal(one('host'), maasHost);
  assert.match(one('authorization'), /^OAuth oauth_version="1\.0", .*oauth_token="CanaryTokenValue00"/);
  assert.equal(
    one('via').replace(/-[\da-f]{16}$/, ''),
    [...valuesOf(sent, 'via').map(trimmed), '1.1 maas-auth-proxy'].join(', '),
  );
  assert.equal(one('x-forwarded-for'), '127.0.0.1');
  assert.equal(one('x-forwarded-host'), 'localhost');
  assert.equal(one('x-forwarded-proto'), 'http');
  assert.match(one('x-request-id'), /^[!-~]{1,128}$/);
}

/**
 * Whether there is a reason to refuse a request with these fields: their length, bytes that no value may hold, a page of
 * another origin, two types of one body, a charset, an expectation that nobody knows.
 */
export function mayRefuse(fields: readonly Field[]): boolean {
  const types = valuesOf(fields, 'content-type');
  return (
    fields.reduce((sum, [name, text]) => sum + name.length + text.length + 4, 0) > 60_000 ||
    fields.some(([, text]) => /[^\t -~\x80-\xff]/.test(text)) ||
    valuesOf(fields, 'origin').length > 0 ||
    valuesOf(fields, 'sec-fetch-site').length > 1 ||
    valuesOf(fields, 'sec-fetch-site').some((site) => site !== 'none') ||
    types.length > 1 ||
    types.some((type) => /charset/i.test(type) && !type.endsWith('charset=utf-8'))
  );
}

/** The client must have these fields of MAAS's, in this order; of the proxy's own it may have more. */
export function assertFieldsAtClient(received: readonly Field[], sent: readonly Field[]): void {
  const options = listed(sent);
  const hasDate = valuesOf(sent, 'date').length > 0; // else Node writes one
  assert.deepEqual(
    received.filter(([name]) => !addedToAnswers.has(name.toLowerCase()) && (hasDate || name !== 'Date')),
    sent
      .filter(([name]) => {
        const lower = name.toLowerCase();
        if (lower.startsWith('proxy-') || lower.startsWith('access-control-')) return false;
        return !notForTheClient.has(lower) && !options.has(lower);
      })
      .map(([name, text]) => [name, trimmed(text)]),
  );
  const via = [...valuesOf(sent, 'via'), '1.1 maas-auth-proxy'];
  assert.deepEqual(valuesOf(received, 'via').map(withoutSpace), [withoutSpace(via.join(','))]);
  assert.equal(valuesOf(received, 'x-request-id').length, 1);
}

/** White space between the members of a list means nothing (RFC 9110 §5.6.1). */
function withoutSpace(list: string): string {
  return list.split(',').map(trimmed).join(',');
}
