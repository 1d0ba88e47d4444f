// A short answer that comes at once is written in one piece past Node's own response. Nobody must be able to tell.
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { startTestProxy } from '../support/proxy.ts';
import { connectRaw, startRawMaas } from '../support/raw.ts';

/** Gives back all bytes that a client gets of an answer, which MAAS sends at once, or cut in two inside the body. */
async function answered(t: TestContext, answer: string, isCut: boolean): Promise<string> {
  const at = isCut ? answer.length - ending.length : answer.length;
  const maas = await startRawMaas(t, ({ socket }) => socket.write(answer.slice(0, at), 'latin1'));
  const proxy = await startTestProxy(t, maas.url);
  const client = await connectRaw(t, proxy.url);
  client.socket.write('GET /machines/ HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: one\r\n\r\n');
  if (isCut) {
    await client.received(/\r\n\r\n./);
    maas.connections[0]?.socket.write(answer.slice(at), 'latin1');
  }
  await client.received(/the end$/);
  return client.text();
}

const ending = 'the end';
const body = `["\u00e9\u00ff\u0000", "${ending}`;

const heads: Readonly<Record<string, string>> = {
  'an answer like MAAS gives':
    'HTTP/1.1 200 OK\r\nServer: nginx\r\nDate: Mon, 01 Jan 2024 00:00:00 GMT\r\nVary: Cookie',
  'fields that come twice, in odd letters, and empty':
    'HTTP/1.1 200 OK\r\ndate: Mon, 01 Jan 2024 00:00:00 GMT\r\nX-Two: 1\r\nx-two: 2\r\nX-Empty:\r\nX-Latin: \u00e9',
  'another status, with words of its own': 'HTTP/1.1 404 No such Machine\r\nDate: Mon, 01 Jan 2024 00:00:00 GMT',
  'no words for the status': 'HTTP/1.1 500 \r\nDate: Mon, 01 Jan 2024 00:00:00 GMT',
  'words that are no ASCII': 'HTTP/1.1 200 Tr\u00e8s bien\r\nDate: Mon, 01 Jan 2024 00:00:00 GMT',
};

for (const [what, head] of Object.entries(heads)) {
  test(`a client gets the same bytes of an answer that comes at once as of one that comes in pieces: ${what}`, async (t) => {
    const whole = `${head}\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    const atOnce = await answered(t, whole, false);
    assert.equal(atOnce, await answered(t, whole, true));
    assert.ok(atOnce.endsWith(`\r\nConnection: keep-alive\r\nKeep-Alive: timeout=72\r\n\r\n${body}`), atOnce);
  });
}

test('an answer without a date gets one', async (t) => {
  const text = await answered(t, `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`, false);
  assert.match(text, /\r\nDate: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT\r\n/);
});

test('an answer whose length MAAS has named in Connection is cut into chunks', async (t) => {
  const head = 'HTTP/1.1 200 OK\r\nDate: Mon, 01 Jan 2024 00:00:00 GMT\r\nConnection: keep-alive, content-length';
  const maas = await startRawMaas(t, ({ socket }) => socket.write(`${head}\r\nContent-Length: 5\r\n\r\nhello`));
  const proxy = await startTestProxy(t, maas.url);
  const client = await connectRaw(t, proxy.url);
  client.socket.write('GET /machines/ HTTP/1.1\r\nHost: localhost\r\n\r\n');
  await client.received(/\r\n\r\n5\r\nhello\r\n0\r\n\r\n$/);
});

test('a client that wants its connection closed is told so, and it is', async (t) => {
  const whole = `HTTP/1.1 200 OK\r\nDate: Mon, 01 Jan 2024 00:00:00 GMT\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  const maas = await startRawMaas(t, ({ socket }) => socket.write(whole, 'latin1'));
  const proxy = await startTestProxy(t, maas.url);
  const client = await connectRaw(t, proxy.url);
  client.socket.write('GET /machines/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');
  assert.equal(await client.closed, 'closed');
  assert.match(client.text(), /\r\nConnection: close\r\n\r\n/);
  assert.ok(client.text().endsWith(body));
});

test('requests that are sent together on one connection get their answers in their order, each with one line in the log', async (t) => {
  let count = 0;
  const maas = await startRawMaas(t, ({ socket }) => {
    count += 1;
    socket.write(`HTTP/1.1 200 OK\r\nDate: Mon, 01 Jan 2024 00:00:00 GMT\r\nContent-Length: 1\r\n\r\n${count}`);
  });
  const proxy = await startTestProxy(t, maas.url);
  const client = await connectRaw(t, proxy.url);
  const ids = ['a', 'b', 'c', 'd', 'e'];
  client.socket.write(
    ids.map((id) => `GET /zones/?${id} HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: ${id}\r\n\r\n`).join(''),
  );
  await client.received(/\r\n\r\n5$/);
  assert.deepEqual(
    [...client.text().matchAll(/X-Request-Id: (\w)\r\n[^]*?\r\n\r\n(\d)/g)].map(([, id, number]) => `${id}${number}`),
    ['a1', 'b2', 'c3', 'd4', 'e5'],
  );
  client.socket.end();
  await client.closed;
  assert.deepEqual(
    proxy.log.filter(({ msg }) => msg === 'request').map(({ requestId, status }) => `${requestId} ${status}`),
    ids.map((id) => `${id} 200`),
  );
});
