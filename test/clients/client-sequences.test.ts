// The first requests of MAAS's clients, byte for byte as they send them, to a gateway before a MAAS. Read from their sources, and
// the libraries' own bytes from the libraries: httplib2 0.20.4, oauthlib 3.2.2, aiohttp 3.8.4, Go's net/http.
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { startSimulator, type Simulator } from '../../src/simulator/simulator.ts';
import { give, startGateway } from '../support/gateway.ts';
import type { TestProxy } from '../support/proxy.ts';
import { connectRaw } from '../support/raw.ts';

const alice = give('alice');
const [consumer, token, secret] = alice.key.split(':');

let count = 0;

/** Each signature has a nonce of its own. @param parts their order in the header, and how the library writes them */
function signature(parts: readonly string[], nonce: (text: string) => string): string {
  count += 1;
  const now = String(Math.floor(Date.now() / 1000));
  const values: Readonly<Record<string, string>> = {
    oauth_nonce: nonce(String(count).padStart(8, '0')),
    oauth_timestamp: now,
    oauth_version: '1.0',
    oauth_signature_method: 'PLAINTEXT',
    oauth_consumer_key: consumer ?? '',
    oauth_token: token ?? '',
    oauth_signature: `%26${secret}`,
  };
  return `OAuth ${parts.map((part) => `${part}="${values[part.replace('realm=', '')] ?? 'MAAS+API'}"`).join(', ')}`;
}

const oauthlibOrder = [
  'oauth_nonce',
  'oauth_timestamp',
  'oauth_version',
  'oauth_signature_method',
  'oauth_consumer_key',
  'oauth_token',
  'oauth_signature',
];

/** oauthlib: a nonce of digits, no realm in the MAAS CLI, `OAuth` in python-libmaas. */
function byOauthlib(realm = ''): string {
  const header = signature(oauthlibOrder, (text) => `1430872499740293237${text}`);
  return realm === '' ? header : header.replace('OAuth ', `OAuth realm="${realm}", `);
}

/** gomaasapi and gomaasclient: in the order of a Go map, which is any. @param nonce gomaasapi's has eight digits */
function byGo(nonce = (text: string) => text): string {
  return signature(
    [
      'oauth_signature',
      'oauth_timestamp',
      'realm',
      'oauth_version',
      'oauth_token',
      'oauth_nonce',
      'oauth_consumer_key',
      'oauth_signature_method',
    ],
    nonce,
  );
}

/** The MAAS CLI (maascli/api.py, `http_request`): a new connection for each request. */
const httplib2 = (path: string, authorization?: string) => (host: string) =>
  `GET /MAAS/api/2.0/${path} HTTP/1.1\r\nHost: ${host}\r\n` +
  `${authorization === undefined ? '' : `authorization: ${authorization}\r\n`}` +
  'user-agent: Python-httplib2/0.20.4 (gzip)\r\naccept-encoding: gzip, deflate\r\n\r\n';

/** python-libmaas (maas/client/bones): aiohttp, a new session for each request. */
const aiohttp = (path: string, authorization?: string) => (host: string) =>
  `GET /MAAS/api/2.0/${path} HTTP/1.1\r\nHost: ${host}\r\n` +
  `${authorization === undefined ? 'Accept: */*' : `Authorization: ${authorization}\r\nAccept: application/json,*/*;q=0.9`}\r\n` +
  'Accept-Encoding: gzip, deflate\r\nUser-Agent: Python/3.11 aiohttp/3.8.4\r\n\r\n';

/** gomaasapi (client.go, `dispatchSingleRequest`): each connection is closed. */
const gomaasapi = (path: string, authorization?: string) => (host: string) =>
  `GET /MAAS/api/2.0/${path} HTTP/1.1\r\nHost: ${host}\r\nUser-Agent: Go-http-client/1.1\r\nConnection: close\r\n` +
  `${authorization === undefined ? '' : `Authorization: ${authorization}\r\n`}Accept-Encoding: gzip\r\n\r\n`;

/** gomaasclient (client/api_client.go), and Terraform's provider by it. */
const gomaasclient = (path: string, authorization: string) => (host: string) =>
  `GET /MAAS/api/2.0/${path} HTTP/1.1\r\nHost: ${host}\r\nUser-Agent: Go-http-client/1.1\r\n` +
  `Authorization: ${authorization}\r\nAccept-Encoding: gzip\r\n\r\n`;

/** What a client does, request by request: how it is sent, and how MAAS answers. */
interface Sequence {
  readonly client: string;
  readonly requests: () => readonly ((host: string) => string)[];
  /** Who the log says it was, and with whose rights MAAS ran it; `null` for nobody's. */
  readonly seen: readonly (readonly [target: string, client: string, user: string | null])[];
}

const sequences: readonly Sequence[] = [
  {
    client:
      'the MAAS CLI: login with a key (`users/?op=whoami`, then `describe/` unsigned), a command, refresh, a command',
    requests: () => [
      httplib2('users/?op=whoami', byOauthlib()),
      httplib2('describe/'),
      httplib2('machines/', byOauthlib()),
      httplib2('describe/'),
      httplib2('zones/', byOauthlib()),
    ],
    seen: [
      ['users/?op=whoami', 'alice', 'admin'],
      ['describe/', 'anonymous', null],
      ['machines/', 'alice', 'admin'],
      ['describe/', 'anonymous', null],
      ['zones/', 'alice', 'admin'],
    ],
  },
  {
    client: 'a MAAS CLI that logs in without a key, or is too old to try it: `describe/` unsigned, then commands',
    requests: () => [
      httplib2('describe/'),
      httplib2('version/'),
      httplib2('machines/?op=is_registered&mac_address=52%3A54%3A00%3A00%3A00%3A01'),
    ],
    seen: [
      ['describe/', 'anonymous', null],
      ['version/', 'anonymous', null],
      ['machines/?op=is_registered&mac_address=52%3A54%3A00%3A00%3A00%3A01', 'anonymous', null],
    ],
  },
  {
    client: 'the MAAS CLI: `machines is-action-in-progress`, which it signs',
    requests: () => [
      httplib2('machines/?op=is_action_in_progress&mac_address=52%3A54%3A00%3A00%3A00%3A01', byOauthlib()),
    ],
    seen: [['machines/?op=is_action_in_progress&mac_address=52%3A54%3A00%3A00%3A00%3A01', 'alice', null]],
  },
  {
    client: 'python-libmaas: connect (`describe/` unsigned), then calls',
    requests: () => [aiohttp('describe/'), aiohttp('users/?op=whoami', byOauthlib('OAuth'))],
    seen: [
      ['describe/', 'anonymous', null],
      ['users/?op=whoami', 'alice', 'admin'],
    ],
  },
  {
    client: 'gomaasclient and Terraform: no first question, each request signed',
    requests: () => [
      gomaasclient(
        'machines/',
        byGo((text) => `a5b0c1d2e3f405162738495a${text}`),
      ),
      gomaasclient(
        'users/?op=whoami',
        byGo((text) => `b5b0c1d2e3f405162738495a${text}`),
      ),
    ],
    seen: [
      ['machines/', 'alice', 'admin'],
      ['users/?op=whoami', 'alice', 'admin'],
    ],
  },
  {
    client: 'Juju: add-cloud (`version/` unsigned), then bootstrap (`version/` and `users/?op=whoami` signed)',
    requests: () => [gomaasapi('version/'), gomaasapi('version/', byGo()), gomaasapi('users/?op=whoami', byGo())],
    seen: [
      ['version/', 'anonymous', null],
      ['version/', 'alice', null],
      ['users/?op=whoami', 'alice', 'admin'],
    ],
  },
];

for (const { client, requests, seen } of sequences) {
  test(`${client}: works at a gateway`, async (t) => {
    const maas = await startSimulator({ machines: 2 });
    t.after(() => maas.close());
    const gateway = await startGateway(t, maas.url, [alice], { key: maas.adminKey });
    const { host } = new URL(gateway.url);
    for (const request of requests()) {
      const { status, head } = await exchange(t, gateway, request(host));
      assert.equal(status, 200, head);
      if (request(host).includes('/describe/ ')) assert.match(head, /\r\nContent-Type: application\/json\r\n/i);
    }
    assert.deepEqual(
      shown(maas).map(({ target, user }) => [target, user]),
      seen.map(([target, , user]) => [target, user]),
    );
    assert.deepEqual(
      gateway.log.filter(({ msg }) => msg === 'request').map((line) => line['client']),
      seen.map(([, name]) => name),
    );
  });
}

test('the MAAS CLI with a wrong key is told so by its first request, in words that it knows', async (t) => {
  const maas = await startSimulator({ machines: 2 });
  t.after(() => maas.close());
  const gateway = await startGateway(t, maas.url, [alice], { key: maas.adminKey });
  const wrong = byOauthlib().replace(`%26${secret}`, '%26wrong');
  const { status, head } = await exchange(t, gateway, httplib2('users/?op=whoami', wrong)(new URL(gateway.url).host));
  assert.equal(status, 401, head);
  assert.equal(maas.received.length, 0);
});

function shown({ received }: Simulator): { target: string; user: string | null }[] {
  return received.map(({ target, user }) => ({ target: target.replace('/MAAS/api/2.0/', ''), user }));
}

/** Sends these bytes on a connection of their own, and reads the response whole. */
async function exchange(t: TestContext, { url }: TestProxy, bytes: string): Promise<{ status: number; head: string }> {
  const connection = await connectRaw(t, url);
  connection.socket.write(bytes, 'latin1');
  const [head] = await connection.received(/^HTTP\/1\.1 \d{3} [^]*?\r\n\r\n/);
  const length = Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1]);
  await (Number.isNaN(length)
    ? connection.received(/\r\n0\r\n\r\n$/)
    : connection.received(new RegExp(`\\r\\n\\r\\n[^]{${length}}$`)));
  connection.socket.end();
  await connection.closed;
  return { status: Number(head.slice(9, 12)), head };
}
