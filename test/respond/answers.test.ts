import assert from 'node:assert/strict';
import type { OutgoingHttpHeader } from 'node:http';
import { test, type TestContext } from 'node:test';
import { gzipSync } from 'node:zlib';
import { resolveApiPath } from '../../src/maas/api-path.ts';
import { DEMO_ADMIN_KEY, startSimulator, type Simulator } from '../../src/simulator/simulator.ts';
import { startOrigin } from '../support/origin.ts';
import { canaryKey, startTestProxy, type TestProxy } from '../support/proxy.ts';
import { send, type Reply } from '../support/request.ts';

const forms = ['/MAAS/api/2.0', '/api/2.0', ''] as const;

/** Asks for `path` where MAAS answers with this `Location`; `MAAS` in it stands for MAAS's own origin. */
async function redirect(
  t: TestContext,
  path: string,
  location: string | readonly string[],
  { prefix = '', status = 302 }: { prefix?: string; status?: number } = {},
): Promise<{ given: string; sent: string; proxy: TestProxy; reply: Reply }> {
  let sent: string[] = [];
  const origin = await startOrigin(t, (_request, response) =>
    response
      .writeHead(
        status,
        sent.flatMap((value) => ['Location', value]),
      )
      .end(),
  );
  sent = [location].flat().map((value) => value.replaceAll('MAAS:', origin.url));
  const proxy = await startTestProxy(t, origin.url + prefix);
  const { port } = new URL(proxy.url);
  const reply = await send(proxy.url + path, { headers: { Host: `localhost:${port}` } });
  return { given: String(reply.headers['location']), sent: sent.join(), proxy, reply };
}

for (const form of forms) {
  const named = form === '' ? 'the short form' : `the form ${form}`;

  test(`in ${named}, a Location that is absolute to MAAS's API leads to the proxy, under the name the client used`, async (t) => {
    const { given, proxy } = await redirect(
      t,
      `${form}/machines/`,
      'MAAS:/MAAS/api/2.0/machines/a%2Fb/?op=x&y=%C3%A9#z',
    );
    assert.equal(given, `http://localhost:${new URL(proxy.url).port}${form}/machines/a%2Fb/?op=x&y=%C3%A9#z`);
  });

  test(`in ${named}, a Location that is a path of MAAS's API stays a path`, async (t) => {
    const { given } = await redirect(t, `${form}/machines/`, '/MAAS/api/2.0/machines/abc/?op=x');
    assert.equal(given, `${form}/machines/abc/?op=x`);
  });

  test(`in ${named}, a relative Location leads where it would lead at MAAS`, async (t) => {
    for (const [location, leadsTo] of [
      ['abc/', '/machines/abc/'],
      ['../zones/?x=1', '/zones/?x=1'],
      ['?op=list', '/machines/?op=list'],
    ]) {
      // The client has left out the final slash, which the proxy adds.
      for (const path of ['/machines/', '/machines']) {
        const { given, proxy } = await redirect(t, form + path, location ?? '');
        const target = new URL(given, `http://localhost:${new URL(proxy.url).port}${form}${path}`);
        assert.equal(target.pathname + target.search, `${form}${leadsTo}`, `${location} at ${path}`);
      }
    }
  });

  test(`in ${named}, an address inside the query of a Location is left alone`, async (t) => {
    const own = await redirect(
      t,
      `${form}/users/`,
      '/MAAS/api/2.0/users/?next=/MAAS/api/2.0/machines/&u=MAAS:/MAAS/api/2.0/',
    );
    assert.equal(own.given, `${form}/users/${own.sent.slice(own.sent.indexOf('?'))}`);
    const other = await redirect(t, `${form}/users/`, 'http://a.example/?u=MAAS:/MAAS/api/2.0/users/', { status: 201 });
    assert.equal(other.given, other.sent);
  });

  test(`in ${named}, a Location of a MAAS behind a path prefix leads to the proxy`, async (t) => {
    const path = await redirect(t, `${form}/users/`, '/lab/MAAS/api/2.0/users/', { prefix: '/lab/MAAS' });
    assert.equal(path.given, `${form}/users/`);
    const absolute = await redirect(t, `${form}/users/`, 'MAAS:/lab/MAAS/api/2.0/users/', { prefix: '/lab/MAAS' });
    assert.equal(absolute.given, `http://localhost:${new URL(absolute.proxy.url).port}${form}/users/`);
  });

  for (const [what, location] of [
    ['to another host', 'http://other.example/MAAS/api/2.0/users/'],
    ['to another host, without a scheme', '//other.example/MAAS/api/2.0/users/'],
    ['to another host, by backslashes', '/\\other.example/MAAS/api/2.0/users/'],
    ['to another port', 'http://127.0.0.1:1/MAAS/api/2.0/users/'],
    ["to MAAS's web interface", 'MAAS:/MAAS/r/machines'],
    ["to MAAS's login page, as a path", '/MAAS/?next=%2FMAAS%2Fapi%2F2.0'],
    ['out of the API by dot segments', '/MAAS/api/2.0/%2e%2E/%2e./r/'],
    ['to a path that only begins like the API', '/MAAS/api/2.0x/users/'],
    ['to https on another host', 'https://sso.example/login'],
    ['of another scheme', 'ftp://127.0.0.1/MAAS/api/2.0/users/'],
    ['that is a script', 'javascript:alert(1)'],
    ['that is no address', 'http://['],
    ['twice', ['/MAAS/api/2.0/users/', 'http://other.example/']],
  ] as const) {
    test(`in ${named}, a redirect ${what} is a 502 that says so, and leads nobody past the proxy`, async (t) => {
      for (const status of [301, 302, 303, 307, 308]) {
        const { reply } = await redirect(t, `${form}/users/`, location, { status });
        assert.deepEqual([reply.status, reply.json()['code']], [502, 'maas-redirect']);
        assert.match(String(reply.json()['detail']), /redirects to an address outside of MAAS's API/);
        assert.equal(reply.headers['location'], undefined);
        assert.match(String(reply.headers['proxy-status']), new RegExp(`; received-status=${status}$`));
      }
    });
  }

  test(`in ${named}, a Location that is no redirect stays as it is where it leads elsewhere`, async (t) => {
    for (const location of ['http://other.example/x', '/MAAS/r/machines', 'http://[']) {
      const { given, sent, reply } = await redirect(t, `${form}/users/`, location, { status: 201 });
      assert.deepEqual([given, reply.status], [sent, 201]);
    }
  });

  for (const [location, below] of [
    ['/MAAS/api/2.0//evil.example/x', '//evil.example/x'],
    ['/MAAS/api/2.0/\\evil.example/x', '//evil.example/x'],
    ['/MAAS/api/2.0/\t/evil.example/x', '//evil.example/x'],
    ['MAAS:/MAAS/api/2.0///evil.example/x', '///evil.example/x'],
    ['/MAAS/api/2.0/%2F/evil.example', '/%2F/evil.example'],
    ['/MAAS/api/2.0/MAAS/api/2.0/x', '/MAAS/api/2.0/x'],
    ['/MAAS/api/2.0/-/me', '/-/me'],
  ] as const) {
    test(`in ${named}, the Location ${JSON.stringify(location)} stays on the proxy, and in the API`, async (t) => {
      for (const status of [201, 302]) {
        const { given, proxy } = await redirect(t, `${form}/users/`, location, { status });
        const base = `http://localhost:${new URL(proxy.url).port}`;
        const { origin, pathname } = new URL(given, `${base}${form}/users/`);
        assert.equal(origin, base);
        assert.ok([`${form}${below}`, `/MAAS/api/2.0${below}`].includes(pathname), pathname);
        const read = resolveApiPath(pathname);
        assert.deepEqual(
          typeof read === 'object' && read.segments,
          below
            .split('/')
            .filter((segment) => segment !== '')
            .map(decodeURIComponent),
        );
      }
    });
  }
}

test('the redirect by which a MAAS with TLS sends its plain port to https is a 502 with the remedy', async (t) => {
  const maas = await startSimulator({ machines: 1, plainPortRedirectsTo: 'https://maas.example:5443' });
  t.after(() => maas.close());
  const proxy = await startTestProxy(t, maas.url);
  for (const method of ['GET', 'POST']) {
    const reply = await send(`${proxy.url}/users/`, { method });
    assert.deepEqual([reply.status, reply.json()['code']], [502, 'maas-tls']);
    assert.match(String(reply.json()['detail']), /it has TLS on\. Use its https address as MAAS_URL/);
    assert.equal(reply.headers['location'], undefined);
  }
  const logged = proxy.log.find(({ code }) => code === 'maas-tls');
  assert.equal(logged?.['cause'], '301 to https://maas.example:5443/MAAS/api/2.0/users/');
});

/** A small MAAS and a proxy before it, by its own key. */
async function start(t: TestContext, key = DEMO_ADMIN_KEY): Promise<{ maas: Simulator; proxy: TestProxy }> {
  const maas = await startSimulator({ machines: 2 });
  t.after(() => maas.close());
  return { maas, proxy: await startTestProxy(t, maas.url, { key }) };
}

for (const form of forms) {
  for (const host of ['localhost:8240', '127.0.0.1', '[::1]:9']) {
    test(`describe/ at http://${host}${form} has addresses of that form, and is otherwise MAAS's byte for byte`, async (t) => {
      const { maas, proxy } = await start(t);
      const own = await send(`${maas.url}/MAAS/api/2.0/describe/`);
      const reply = await send(`${proxy.url}${form}/describe/`, { headers: { Host: host } });
      assert.equal(reply.headers['content-type'], 'application/json');
      assert.equal(reply.headers['content-length'], String(reply.body.length));
      const expected = own.body
        .toString('latin1')
        .replaceAll(`"uri":"${maas.url}/MAAS/api/2.0/`, `"uri":"http://${host}${form}/`);
      assert.notEqual(own.body.toString('latin1'), expected);
      assert.ok(reply.body.toString('latin1') === expected, 'the texts differ');
    });

    test(`openapi.yaml at http://${host}${form} names that as its server, and is otherwise MAAS's byte for byte`, async (t) => {
      const { maas, proxy } = await start(t);
      const own = await send(`${maas.url}/MAAS/api/2.0/openapi.yaml`);
      const reply = await send(`${proxy.url}${form}/openapi.yaml`, { headers: { Host: host } });
      assert.equal(reply.headers['content-type'], 'application/openapi+yaml');
      assert.equal(reply.headers['content-length'], String(reply.body.length));
      const expected = own.body
        .toString('latin1')
        .replace(`\n  url: ${maas.url}/MAAS/api/2.0/\n`, `\n  url: http://${host}${form}/\n`);
      assert.notEqual(own.body.toString('latin1'), expected);
      assert.ok(reply.body.toString('latin1') === expected, 'the texts differ');
    });
  }
}

/** What a proxy makes of a `describe/` with this body. */
async function describe(
  t: TestContext,
  body: Buffer,
  headers: Record<string, string> = {},
): Promise<{ headers: Readonly<Record<string, string | string[] | undefined>>; body: Buffer }> {
  const origin = await startOrigin(t, (_request, response) => {
    response.writeHead(200, {
      'Content-Type': 'application/json',
      'X-MAAS-API-Hash': '36763f14',
      'Content-Length': body.length,
      ...headers,
    });
    response.end(body);
  });
  const proxy = await startTestProxy(t, origin.url);
  return send(`${proxy.url}/MAAS/api/2.0/describe/`, { headers: { Host: 'localhost' } });
}

test('describe/ names MAAS by whatever address MAAS sees itself at, prefix and spaces included', async (t) => {
  const text = '{"uri": "http://10.0.0.1:5240/MAAS/api/2.0/users/", "x": "http://10.0.0.1:5240/MAAS/api/2.0/users/"}';
  const { body } = await describe(t, Buffer.from(text.replace('MAAS', 'lab/MAAS')));
  assert.equal(
    body.toString(),
    '{"uri": "http://localhost/MAAS/api/2.0/users/", "x": "http://10.0.0.1:5240/MAAS/api/2.0/users/"}',
  );
});

test("describe/ keeps MAAS's hash of its API, without which the MAAS CLI warns", async (t) => {
  const reply = await describe(t, Buffer.from('{"uri":"http://maas.example/MAAS/api/2.0/users/"}'));
  assert.equal(reply.headers['x-maas-api-hash'], '36763f14');
  assert.equal(reply.body.toString(), '{"uri":"http://localhost/MAAS/api/2.0/users/"}');
});

test('bytes of describe/ that are no UTF-8 stay as they are', async (t) => {
  const before = Buffer.concat([Buffer.from('{"doc":"'), Buffer.from([0xff, 0xfe, 0xe9]), Buffer.from('","uri":"')]);
  const { body } = await describe(t, Buffer.concat([before, Buffer.from('http://maas.example/MAAS/api/2.0/users/"}')]));
  assert.deepEqual(body, Buffer.concat([before, Buffer.from('http://localhost/MAAS/api/2.0/users/"}')]));
});

test('a describe/ that comes compressed passes byte for byte', async (t) => {
  const zipped = gzipSync('{"uri":"http://maas.example/MAAS/api/2.0/users/"}');
  const { headers, body } = await describe(t, zipped, { 'Content-Encoding': 'gzip' });
  assert.equal(headers['content-encoding'], 'gzip');
  assert.deepEqual(body, zipped);
});

test('a describe/ above 8 MiB passes byte for byte', async (t) => {
  const body = Buffer.alloc(9 * 2 ** 20, '"uri":"http://maas.example/MAAS/api/2.0/users/",');
  const reply = await describe(t, body);
  assert.equal(reply.headers['content-length'], String(body.length));
  assert.ok(reply.body.equals(body));
});

test('an empty describe/ stays empty', async (t) => {
  const reply = await describe(t, Buffer.alloc(0));
  assert.equal(reply.headers['content-length'], '0');
  assert.equal(reply.body.length, 0);
});

const [consumer = '', token = '', secret = ''] = DEMO_ADMIN_KEY.split(':');
const html = { 'Content-Type': 'text/html; charset=utf-8', 'WWW-Authenticate': 'OAuth realm="OAuth"' };

for (const { what, key, fault, code, sentence } of [
  { what: 'an unknown key', key: canaryKey, code: 'key-unknown', sentence: /does not know the API key/ },
  {
    what: 'an unknown token',
    key: `${consumer}:${'x'.repeat(18)}:${secret}`,
    code: 'key-unknown',
    sentence: /does not know the API key/,
  },
  {
    what: 'a wrong secret',
    key: `${consumer}:${token}:${'y'.repeat(32)}`,
    code: 'key-secret-wrong',
    sentence: /secret, the third part/,
  },
  {
    what: 'a nonce that it has seen',
    fault: { body: "Authorization Error: 'Nonce already used: 0123abcd'", headers: html },
    code: 'nonce-reused',
    sentence: /sent the request twice/,
  },
  {
    what: 'a request without a signature',
    fault: { body: 'Forbidden', headers: { 'Content-Type': 'text/plain' } },
    code: 'signature-lost',
    sentence: /removes the Authorization header/,
  },
  {
    what: 'something that the proxy does not know',
    fault: { body: `Authorization Error: 'New words about &${secret}'`, headers: html },
    code: 'signature-refused',
    sentence: /reason that the proxy does not know/,
  },
] as const) {
  for (const method of ['GET', 'POST', 'PUT', 'DELETE']) {
    test(`when MAAS refuses ${what}, a ${method} gets a 401 that says so, and the true secret is nowhere`, async (t) => {
      const { maas, proxy } = await start(t, key);
      if (fault !== undefined) maas.faults.next('*', { kind: 'status', status: 401, ...fault });
      const reply = await send(`${proxy.url}/zones/`, { method, ...(method !== 'GET' && { body: 'name=x' }) });
      assert.equal(reply.status, 401);
      assert.equal(reply.headers['content-type'], 'application/problem+json');
      assert.equal(reply.headers['www-authenticate'], 'OAuth realm="OAuth"');
      assert.equal(reply.headers['proxy-status'], 'maas-auth-proxy; error=http_request_denied; received-status=401');
      assert.equal(reply.json()['code'], code);
      assert.match(String(reply.json()['detail']), sentence);
      await proxy.stop();
      const everything = reply.rawHeaders.join('\n') + reply.body.toString() + JSON.stringify(proxy.log);
      for (const word of [secret, key?.split(':')[2] ?? secret, 'Authorization Error', '0123abcd']) {
        assert.equal(everything.includes(word), false, word);
      }
      assert.equal(maas.received.length, 1);
      assert.deepEqual(
        proxy.log.filter(({ msg }) => msg === 'request').map((line) => line['code']),
        [code],
      );
    });
  }
}

for (const { status, code, sentence } of [
  { status: 502, code: 'maas-region-down', sentence: /starting, restarting or down/ },
  { status: 504, code: 'maas-region-slow', sentence: /may still be running/ },
]) {
  for (const method of ['GET', 'POST']) {
    test(`a page of MAAS's web server that says ${status} to a ${method} becomes a problem document`, async (t) => {
      const { maas, proxy } = await start(t);
      const page = `<html><head><title>${status}</title></head></html>`;
      maas.faults.next('*', { kind: 'status', status, body: page, headers: { 'Content-Type': 'text/html' } });
      const reply = await send(`${proxy.url}/zones/`, { method });
      assert.equal(reply.status, status);
      assert.equal(reply.headers['content-type'], 'application/problem+json');
      assert.match(String(reply.headers['proxy-status']), new RegExp(`error=\\w+; received-status=${status}$`));
      assert.equal(reply.json()['code'], code);
      assert.match(String(reply.json()['detail']), sentence);
      assert.equal(maas.received.length, 1);
    });
  }
}

for (const [status, type, body] of [
  [400, 'application/json; charset=utf-8', '{"name": ["This field is required."]}'],
  [403, 'text/plain; charset=utf-8', 'This method is reserved for admin users.'],
  [404, 'text/plain', 'No Machine matches the given query.'],
  [405, 'text/html; charset=utf-8', ''],
  [409, 'text/plain; charset=utf-8', "Can't deploy a machine that is in the 'New' state"],
  [413, 'text/html', '<html>\r\n<center><h1>413 Request Entity Too Large</h1></center>\r\n</html>\r\n'],
  [418, 'text/plain', 'short'],
  [500, 'text/plain; charset=utf-8', "'NoneType' object has no attribute 'x' \u00e9"],
  [503, 'text/plain; charset=utf-8', 'No rack controllers can access the BMC of node x'],
] as const) {
  for (const method of ['GET', 'POST']) {
    test(`MAAS's own ${status} to a ${method} passes byte for byte`, async (t) => {
      const fields = {
        'Content-Type': type,
        Vary: 'Authorization, Cookie',
        'X-Frame-Options': 'DENY',
        Allow: 'GET, POST',
        'Content-Length': String(Buffer.byteLength(body)),
        Date: 'Tue, 01 Jan 2030 00:00:00 GMT',
      };
      const sent = Object.entries(fields).flat();
      const origin = await startOrigin(t, (_request, response) => {
        response.writeHead(status, 'Own Words', sent as OutgoingHttpHeader[]).end(body);
      });
      const proxy = await startTestProxy(t, origin.url);
      const reply = await send(`${proxy.url}/zones/`, { method });
      assert.equal(reply.status, status);
      assert.deepEqual(reply.rawHeaders.slice(0, sent.length), sent);
      assert.equal(reply.headers['proxy-status'], undefined);
      assert.equal(reply.headers['via'], '1.1 maas-auth-proxy');
      assert.equal(reply.body.toString(), body);
      assert.equal(origin.received.length, 1);
    });
  }
}
