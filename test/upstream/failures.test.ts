import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { test, type TestContext } from 'node:test';
import { createServer as createTlsServer } from 'node:tls';
import { errors } from 'undici';
import { startSimulator } from '../../src/simulator/simulator.ts';
import { toProblem } from '../../src/upstream/errors.ts';
import { makeAuthority } from '../support/certificates.ts';
import { startOrigin } from '../support/origin.ts';
import { startTestProxy, type TestProxy } from '../support/proxy.ts';
import { connectRaw, sendRaw, startRawMaas, type RawConnection } from '../support/raw.ts';
import { send, type Reply } from '../support/request.ts';
import { until } from '../support/until.ts';

/** Words that belong into the log: addresses, codes and words of libraries, places in the program. */
const internal =
  /127\.0\.0\.1|::1|localhost|invalid:|:\d{4,5}\b|\bE[A-Z]{4,}|UND_|HPE_|undici|llhttp|socket|node:|\.js\b|\bat \w+ \(/;

interface Expected {
  readonly status: number;
  readonly code: string;
  /** The error type in `Proxy-Status` (RFC 9209 §2.3). */
  readonly proxyError: string;
  readonly sentence: RegExp;
  /** What the log says of the cause. */
  readonly cause: RegExp;
}

/** The client gets a problem document that says this much and no more, and the log one line with the cause. */
async function assertProblem(reply: Reply, proxy: TestProxy, expected: Expected): Promise<void> {
  assert.equal(reply.status, expected.status);
  assert.equal(reply.headers['content-type'], 'application/problem+json');
  assert.equal(reply.headers['content-length'], String(reply.body.length));
  assert.equal(reply.headers['proxy-status'], `maas-auth-proxy; error=${expected.proxyError}`);
  const { type, title, status, detail, code, requestId, ...more } = reply.json();
  assert.deepEqual(more, {});
  assert.equal(type, `urn:problem-type:maas-auth-proxy:${expected.code}`);
  assert.equal(code, expected.code);
  assert.equal(status, expected.status);
  assert.equal(requestId, reply.headers['x-request-id']);
  assert.match(String(detail), expected.sentence);
  assert.match(String(detail), /^[A-Z].*\.$/);
  assert.doesNotMatch(`${String(title)} ${String(detail)} ${JSON.stringify(reply.rawHeaders)}`, internal);
  await assertLogged(proxy, expected);
}

async function assertLogged({ log }: TestProxy, { status, code, cause }: Omit<Expected, 'proxyError' | 'sentence'>) {
  await until(() => log.some(({ msg }) => msg === 'request'), 'the line of the request');
  const [line, ...more] = log.filter(({ requestId }) => requestId !== undefined);
  assert.deepEqual(more, []);
  assert.equal(line?.['status'], status);
  assert.equal(line['code'], code);
  assert.match(String(line['cause']), cause);
  assert.equal(line['level'], 50);
  assert.equal(line['err'], undefined);
}

for (const method of ['GET', 'POST']) {
  test(`a ${method} to a MAAS whose name does not resolve is 502 dns_error`, async (t) => {
    const proxy = await startTestProxy(t, 'http://nothing.invalid:5240');
    await assertProblem(await send(`${proxy.url}/zones/`, { method }), proxy, {
      status: 502,
      code: 'maas-unresolved',
      proxyError: 'dns_error',
      sentence: /name in MAAS_URL cannot be resolved/,
      cause: /ENOTFOUND|EAI_AGAIN/,
    });
  });

  test(`a ${method} to a port on which nothing listens is 502 connection_refused`, async (t) => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    server.close();
    await once(server, 'close');
    for (const name of ['127.0.0.1', 'localhost']) {
      const proxy = await startTestProxy(t, `http://${name}:${port}`);
      await assertProblem(await send(`${proxy.url}/zones/`, { method }), proxy, {
        status: 502,
        code: 'maas-refused',
        proxyError: 'connection_refused',
        sentence: /Nothing listens at the address in MAAS_URL/,
        cause: /ECONNREFUSED/,
      });
    }
  });
}

/** Sends one request to a MAAS that does this with it. */
async function meet(
  t: TestContext,
  onRequest: (connection: RawConnection) => void,
  { method = 'POST', flags = [] }: { method?: string; flags?: readonly string[] } = {},
): Promise<{ reply: Reply; proxy: TestProxy }> {
  const maas = await startRawMaas(t, onRequest);
  const proxy = await startTestProxy(t, maas.url, { flags });
  return { reply: await send(`${proxy.url}/zones/`, { method }), proxy };
}

test('a MAAS that resets the connection is 502 connection_terminated', async (t) => {
  const { reply, proxy } = await meet(t, ({ socket }) => socket.resetAndDestroy());
  await assertProblem(reply, proxy, {
    status: 502,
    code: 'maas-reset',
    proxyError: 'connection_terminated',
    sentence: /closed the connection before it sent a response; whether the request has run is not known/,
    cause: /ECONNRESET/,
  });
});

for (const [when, bytes] of [
  ['before it answers', ''],
  ['in the middle of its headers', 'HTTP/1.1 200 OK\r\nContent-Le'],
] as const) {
  test(`a MAAS that closes the connection ${when} is 502 connection_terminated`, async (t) => {
    const { reply, proxy } = await meet(t, ({ socket }) => socket.end(bytes));
    await assertProblem(reply, proxy, {
      status: 502,
      code: 'maas-reset',
      proxyError: 'connection_terminated',
      sentence: /closed the connection before it sent a response/,
      cause: /UND_ERR_SOCKET/,
    });
  });
}

test('a MAAS that does not begin its answer in time is 504 http_response_timeout, and is left', async (t) => {
  const left: Promise<unknown>[] = [];
  const { reply, proxy } = await meet(t, ({ closed }) => left.push(closed), {
    method: 'GET',
    flags: ['--upstream-timeout', '1'],
  });
  await assertProblem(reply, proxy, {
    status: 504,
    code: 'maas-answer-timeout',
    proxyError: 'http_response_timeout',
    sentence: /did not begin its response in time; it may still be working/,
    cause: /UND_ERR_HEADERS_TIMEOUT/,
  });
  // Not asked again: it may still be working.
  assert.equal(left.length, 1);
  await left[0];
});

for (const { what, bytes, code, proxyError, sentence, cause } of [
  {
    what: 'a broken header',
    bytes: 'HTTP/1.1 200 OK\r\nContent-Type text/plain\r\n\r\n',
    code: 'maas-broken-answer',
    proxyError: 'http_protocol_error',
    sentence: /not valid HTTP/,
    cause: /./,
  },
  {
    what: 'a null byte in a header',
    bytes: 'HTTP/1.1 200 OK\r\nX-Name: a\0b\r\n\r\n',
    code: 'maas-broken-answer',
    proxyError: 'http_protocol_error',
    sentence: /not valid HTTP/,
    cause: /./,
  },
  {
    what: 'headers above 64 KiB',
    bytes: `HTTP/1.1 200 OK\r\nX-Long: ${'x'.repeat(70_000)}\r\n\r\n`,
    code: 'maas-header-too-large',
    proxyError: 'http_response_header_section_size',
    sentence: /larger than 64 KiB/,
    cause: /OVERFLOW/,
  },
  {
    what: 'a change to another protocol that nobody asked for',
    bytes: 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n',
    code: 'maas-broken-answer',
    proxyError: 'http_protocol_error',
    sentence: /not valid HTTP/,
    cause: /./,
  },
  {
    what: 'a 101 without more',
    bytes: 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n',
    code: 'maas-broken-answer',
    proxyError: 'http_protocol_error',
    sentence: /not valid HTTP/,
    cause: /./,
  },
  {
    what: 'something that is no HTTP',
    bytes: 'SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n',
    code: 'maas-broken-answer',
    proxyError: 'http_protocol_error',
    sentence: /names the port of MAAS/,
    cause: /./,
  },
  {
    what: 'a TLS alert, as a TLS port does',
    bytes: '\x15\x03\x01\x00\x02\x02\x46',
    code: 'maas-broken-answer',
    proxyError: 'http_protocol_error',
    sentence: /names the port of MAAS/,
    cause: /./,
  },
]) {
  for (const method of ['GET', 'POST']) {
    test(`a MAAS that answers a ${method} with ${what} is 502 ${proxyError}`, async (t) => {
      const { reply, proxy } = await meet(t, ({ socket }) => socket.write(bytes, 'latin1'), { method });
      await assertProblem(reply, proxy, { status: 502, code, proxyError, sentence, cause });
    });
  }
}

test("a page of MAAS's web server that says 502 is one line in the log, too", async (t) => {
  const origin = await startOrigin(t, (_request, response) => response.writeHead(502).end('<html>'));
  const proxy = await startTestProxy(t, origin.url);
  await send(`${proxy.url}/zones/`);
  await until(() => proxy.log.some(({ msg }) => msg === 'request'), 'the line of the request');
  assert.deepEqual(
    proxy.log.filter(({ msg }) => msg === 'request').map((line) => [line['level'], line['status'], line['code']]),
    [[50, 502, 'maas-region-down']],
  );
});

/** The ways in which the beginning of an answer can be framed, and how each looks when it breaks off after `part`. */
const framings = {
  'with a length': 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart',
  'in chunks': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n',
  'in the middle of a chunk': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\npart',
} as const;

for (const [framing, bytes] of Object.entries(framings)) {
  for (const version of ['1.1', '1.0']) {
    for (const end of ['closes', 'resets'] as const) {
      test(`MAAS ${end} the connection in an answer ${framing}: an HTTP/${version} client sees a broken transfer`, async (t) => {
        const maas = await startRawMaas(t, ({ socket }) => socket.write(bytes));
        const proxy = await startTestProxy(t, maas.url);
        const client = await connectRaw(t, proxy.url);
        client.socket.write(`GET /zones/ HTTP/${version}\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
        await client.received(/part/);
        const { socket } = maas.connections[0] ?? assert.fail('no connection at MAAS');
        if (end === 'closes') socket.end();
        else socket.resetAndDestroy();
        assert.equal(await client.closed, 'reset');
        assert.match(client.text(), /^HTTP\/1\.1 200 /);
        assert.doesNotMatch(client.text(), /\r\n0\r\n/);
        await assertLogged(proxy, { status: 502, code: 'maas-reset', cause: /UND_ERR_SOCKET|ECONNRESET/ });
      });
    }
  }
}

for (const version of ['1.1', '1.0']) {
  for (const head of ['HTTP/1.1 200 OK\r\nConnection: close', 'HTTP/1.0 200 OK']) {
    test(`MAAS resets an answer that goes on until the end of its connection (${head}): an HTTP/${version} client sees a broken transfer`, async (t) => {
      const maas = await startRawMaas(t, ({ socket }) => socket.write(`${head}\r\n\r\npart`));
      const proxy = await startTestProxy(t, maas.url);
      const client = await connectRaw(t, proxy.url);
      client.socket.write(`GET /zones/ HTTP/${version}\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
      await client.received(/part/);
      maas.connections[0]?.socket.resetAndDestroy();
      assert.equal(await client.closed, 'reset');
      assert.doesNotMatch(client.text(), /\r\n0\r\n/);
      await assertLogged(proxy, { status: 502, code: 'maas-reset', cause: /^ECONNRESET/ });
    });
  }
}

test('the same over TLS', async (t) => {
  const authority = await makeAuthority(t);
  const { cert, key } = await authority.issue('IP:127.0.0.1');
  let connection: Socket | undefined;
  const maas = createTlsServer({ cert, key }, (secure) => {
    secure.on('error', () => {});
    secure.once('data', () => secure.write('HTTP/1.1 200 OK\r\nConnection: close\r\n\r\npart'));
  });
  maas.on('connection', (socket: Socket) => {
    connection = socket;
  });
  maas.listen(0, '127.0.0.1');
  await once(maas, 'listening');
  t.after(() => maas.close());
  const url = `https://127.0.0.1:${(maas.address() as AddressInfo).port}`;
  const proxy = await startTestProxy(t, url, { flags: ['--ca-file', authority.certFile] });
  const client = await connectRaw(t, proxy.url);
  client.socket.write('GET /zones/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');
  await client.received(/part/);
  connection?.resetAndDestroy();
  assert.equal(await client.closed, 'reset');
  assert.doesNotMatch(client.text(), /\r\n0\r\n/);
  await assertLogged(proxy, { status: 502, code: 'maas-reset', cause: /^ECONNRESET/ });
});

test('chunks that break off with nonsense break the transfer', async (t) => {
  const maas = await startRawMaas(t, ({ socket }) => {
    socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\nnonsense\r\n');
  });
  const proxy = await startTestProxy(t, maas.url);
  await assert.rejects(send(`${proxy.url}/zones/`));
  await assertLogged(proxy, { status: 502, code: 'maas-broken-answer', cause: /./ });
});

test('an answer that ends with its connection is whole', async (t) => {
  const maas = await startRawMaas(t, ({ socket }) => socket.end('HTTP/1.1 200 OK\r\n\r\nwhole'));
  const proxy = await startTestProxy(t, maas.url);
  const reply = await send(`${proxy.url}/zones/`);
  assert.equal(reply.body.toString(), 'whole');
});

for (const framing of ['Content-Length: 100\r\n\r\n', 'Transfer-Encoding: chunked\r\n\r\n9\r\n']) {
  for (const end of ['end', 'resetAndDestroy'] as const) {
    test(`an answer (${JSON.stringify(framing)}) that announces its close and breaks off (${end}) breaks the transfer`, async (t) => {
      const maas = await startRawMaas(t, ({ socket }) => {
        socket.write(`HTTP/1.1 200 OK\r\nConnection: close\r\n${framing}part`);
      });
      const proxy = await startTestProxy(t, maas.url);
      const client = await connectRaw(t, proxy.url);
      client.socket.write('GET /zones/ HTTP/1.1\r\nHost: localhost\r\n\r\n');
      await client.received(/part/);
      maas.connections[0]?.socket[end]();
      assert.equal(await client.closed, 'reset');
      assert.doesNotMatch(client.text(), /\r\n0\r\n/);
    });
  }
}

test('a MAAS that stops in the middle of an answer is left in time, and the transfer breaks', async (t) => {
  const maas = await startSimulator({ machines: 200 });
  t.after(() => maas.close());
  const proxy = await startTestProxy(t, maas.url, { key: maas.adminKey, flags: ['--upstream-timeout', '1'] });
  maas.faults.next('GET /machines/', { kind: 'stall', when: 'in-body', afterBytes: 1000 });
  const answer = await sendRaw(t, proxy.url, 'GET /machines/ HTTP/1.0\r\nHost: localhost\r\n\r\n');
  assert.equal(answer.ending, 'reset');
  await until(() => maas.received[0]?.aborted === true, 'the end of the request at MAAS');
  await assertLogged(proxy, { status: 504, code: 'maas-body-timeout', cause: /UND_ERR_BODY_TIMEOUT/ });
});

test('a description that breaks off before it could be rewritten is 502, since nothing of it was sent', async (t) => {
  const maas = await startSimulator({ machines: 1 });
  t.after(() => maas.close());
  const proxy = await startTestProxy(t, maas.url, { key: maas.adminKey });
  maas.faults.next('GET /MAAS/api/2.0/describe/', { kind: 'cut', when: 'in-body', afterBytes: 1000 });
  maas.faults.next('GET /describe/', { kind: 'cut', when: 'in-body', afterBytes: 1000 });
  await assert.rejects(send(`${proxy.url}/describe/`));
  await assertLogged(proxy, { status: 502, code: 'maas-reset', cause: /UND_ERR_SOCKET/ });
});

// What cannot be brought about on loopback, by the errors that Node and undici raise then.
const coded = (code: string): Error => Object.assign(new Error(`connect ${code} 192.0.2.1:5240`), { code });
for (const { what, error, code, status, proxyStatus } of [
  {
    what: 'a connection that does not come about in time',
    error: new errors.ConnectTimeoutError('Connect Timeout Error (attempted address: 192.0.2.1:5240)'),
    code: 'maas-connect-timeout',
    status: 504,
    proxyStatus: 'maas-auth-proxy; error=connection_timeout',
  },
  {
    what: "a connection that the system's own time-out ends",
    error: coded('ETIMEDOUT'),
    code: 'maas-connect-timeout',
    status: 504,
    proxyStatus: 'maas-auth-proxy; error=connection_timeout',
  },
  {
    what: 'several addresses that all refuse',
    error: new AggregateError([coded('ECONNREFUSED'), coded('ECONNREFUSED')]),
    code: 'maas-refused',
    status: 502,
    proxyStatus: 'maas-auth-proxy; error=connection_refused',
  },
  {
    what: 'no route to the host',
    error: coded('EHOSTUNREACH'),
    code: 'maas-unroutable',
    status: 502,
    proxyStatus: 'maas-auth-proxy; error=destination_ip_unroutable',
  },
  {
    what: 'no route to the network',
    error: coded('ENETUNREACH'),
    code: 'maas-unroutable',
    status: 502,
    proxyStatus: 'maas-auth-proxy; error=destination_ip_unroutable',
  },
  {
    what: 'what nobody has thought of',
    error: new TypeError('x is not a function'),
    code: 'internal-error',
    status: 500,
    proxyStatus: 'maas-auth-proxy; error=proxy_internal_error',
  },
]) {
  test(`${what} is ${code}, in words without an address`, () => {
    const problem = toProblem(error);
    assert.equal(problem.code, code);
    assert.equal(problem.status, status);
    assert.equal(problem.proxyStatus, proxyStatus);
    assert.equal(problem.cause, error);
    assert.doesNotMatch(JSON.stringify(problem.document('id')), /192\.0\.2\.1|attempted|function/);
  });
}
