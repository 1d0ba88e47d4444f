// Proof of steps 1 and 2 in a real browser: what the pages of others may try, and that MAAS receives none of it.
import assert from 'node:assert/strict';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { delimiter, join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core';
import { startOrigin, type Origin } from '../support/origin.ts';
import { needProgram } from '../support/programs.ts';
import { startTestProxy, type TestProxy } from '../support/proxy.ts';
import { until } from '../support/until.ts';

/** What MAAS's side answers: the page of nobody else may read it. */
const secret = 'canary-of-maas';

/** A way in which a page may try to reach an address. */
interface Attempt {
  readonly what: string;
  /** The page's script; `url` is the proxy's, and the value is what the page has read. Functions are in `pageScript`. */
  readonly script: string;
  /** The user clicks on what the script has put there. */
  readonly click?: true;
  /** The browser itself lets nothing out. */
  readonly never?: true;
  /** Tried for further pairs of addresses too. */
  readonly often?: true;
}

/** What the attempts below are written in. */
const pageScript = `
  function element(name, attributes = {}, text = '') {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.textContent = text;
    return made;
  }
  const redirect = (url) => location.origin + '/redirect?to=' + encodeURIComponent(url);
  const put = (...all) => { const made = element(...all); document.body.append(made); return made; };
  const over = (target) => new Promise((resolve) => {
    for (const name of ['load', 'error', 'open', 'close', 'message', 'loadeddata']) {
      target.addEventListener(name, (event) => resolve(String(event.data ?? '')), { once: true });
    }
  });
  const load = async (...all) => { const made = element(...all); const end = over(made); document.body.append(made); await end; return made; };
  const peek = (look) => { try { return String(look()); } catch (error) { return error.name; } };
  const inside = (frame) => peek(() => frame.contentDocument.documentElement.innerHTML);
  const text = async (response) => (await response).text();
  const blobOf = (code, type) => URL.createObjectURL(new Blob([code], { type }));
  function form(url, attributes, put_ = put) {
    const made = put_('form', { action: url, method: 'post', ...attributes });
    made.append(element('input', { name: 'name', value: 'lab' }), element('button', { id: 'bait' }, 'win'));
    return made;
  }
  async function framed(url, attributes) {
    const frame = put('iframe', { name: 'framed' });
    form(url, { target: 'framed', ...attributes }).submit();
    await over(frame);
    return inside(frame);
  }
  function request(method, url, { credentials = false, type } = {}) {
    return new Promise((resolve) => {
      const sent = new XMLHttpRequest();
      sent.open(method, url);
      sent.withCredentials = credentials;
      if (type) sent.setRequestHeader('Content-Type', type);
      sent.onloadend = () => resolve(sent.responseText + sent.getAllResponseHeaders());
      sent.send(method === 'GET' ? null : '{"name":"lab"}');
    });
  }
`;

const json = `headers: { 'Content-Type': 'application/json' }, body: '{"name":"lab"}'`;

const attempts: readonly Attempt[] = [
  { what: 'a form post', often: true, script: `framed(url)` },
  { what: 'a multipart form post', often: true, script: `framed(url, { enctype: 'multipart/form-data' })` },
  { what: 'a form post as text/plain', script: `framed(url, { enctype: 'text/plain' })` },
  { what: 'a form with GET', script: `framed(url, { method: 'get' })` },
  { what: 'a form post of the whole page', script: `form(url).submit()` },
  { what: 'a form post to a new window', script: `form(url, { target: '_blank' })`, click: true },
  {
    what: 'a form post without referrer',
    script: `put('meta', { name: 'referrer', content: 'no-referrer' }), framed(url)`,
  },
  {
    what: 'a form post out of a sandboxed frame',
    often: true,
    script: `load('iframe', { sandbox: 'allow-scripts allow-forms', srcdoc: \`<form action="\${url}" method=post></form><script>document.forms[0].submit()</script>\` }).then(inside)`,
  },
  { what: 'fetch', often: true, script: `text(fetch(url))` },
  { what: 'fetch with credentials', script: `text(fetch(url, { credentials: 'include' }))` },
  { what: 'fetch without CORS', often: true, script: `text(fetch(url, { mode: 'no-cors' }))` },
  {
    what: 'fetch without CORS, with credentials',
    script: `text(fetch(url, { mode: 'no-cors', credentials: 'include' }))`,
  },
  {
    what: 'fetch without CORS or referrer',
    script: `text(fetch(url, { mode: 'no-cors', referrerPolicy: 'no-referrer' }))`,
  },
  { what: 'fetch for the same origin', often: true, script: `text(fetch(url, { mode: 'same-origin' }))`, never: true },
  {
    what: 'fetch with POST',
    script: `text(fetch(url, { method: 'POST', body: new URLSearchParams({ name: 'lab' }) }))`,
  },
  {
    what: 'fetch with POST, with credentials',
    script: `text(fetch(url, { method: 'POST', credentials: 'include', body: new FormData() }))`,
  },
  {
    what: 'fetch with POST, without CORS',
    often: true,
    script: `text(fetch(url, { method: 'POST', mode: 'no-cors', body: 'name=lab' }))`,
  },
  {
    what: 'fetch with POST, without CORS or referrer',
    script: `text(fetch(url, { method: 'POST', mode: 'no-cors', referrerPolicy: 'no-referrer', body: 'name=lab' }))`,
  },
  {
    what: 'fetch with POST that outlives its page',
    script: `text(fetch(url, { method: 'POST', keepalive: true, body: 'x' }))`,
  },
  { what: 'fetch with JSON, and so a preflight', often: true, script: `text(fetch(url, { method: 'POST', ${json} }))` },
  {
    what: 'fetch with JSON and credentials, and so a preflight',
    script: `text(fetch(url, { method: 'POST', credentials: 'include', ${json} }))`,
  },
  { what: 'fetch with PUT, and so a preflight', script: `text(fetch(url, { method: 'PUT', body: 'x' }))` },
  { what: 'fetch with DELETE, and so a preflight', script: `text(fetch(url, { method: 'DELETE' }))` },
  {
    what: 'fetch with Authorization, and so a preflight',
    script: `text(fetch(url, { headers: { Authorization: 'x' } }))`,
  },
  { what: 'XMLHttpRequest', often: true, script: `request('GET', url)` },
  { what: 'XMLHttpRequest with credentials', script: `request('GET', url, { credentials: true })` },
  { what: 'XMLHttpRequest with POST', script: `request('POST', url)` },
  {
    what: 'XMLHttpRequest with JSON, and so a preflight',
    script: `request('POST', url, { type: 'application/json' })`,
  },
  { what: 'an image', often: true, script: `load('img', { src: url }).then((image) => image.naturalWidth)` },
  { what: 'an image with CORS', script: `load('img', { src: url, crossorigin: 'use-credentials' }).then(() => '')` },
  { what: 'a background', script: `put('p', { style: \`background: url(\${url})\` }, 'x'), ''` },
  { what: 'a script', often: true, script: `load('script', { src: url }).then(() => '')` },
  { what: 'a module', script: `load('script', { src: url, type: 'module' }).then(() => '')` },
  { what: 'an imported module', script: `import(url).then(JSON.stringify)` },
  {
    what: 'a stylesheet',
    script: `load('link', { rel: 'stylesheet', href: url }).then((link) => peek(() => link.sheet.cssRules[0].cssText))`,
  },
  { what: 'a font', script: `new FontFace('x', \`url(\${url})\`).load().then(() => '')` },
  { what: 'a video', script: `load('video', { src: url }).then(() => '')` },
  {
    what: 'a text track',
    script: `put('video', { crossorigin: '' }).append(element('track', { src: url, default: '', kind: 'subtitles' })), document.querySelector('video').textTracks[0].mode = 'showing'`,
  },
  { what: 'an object', script: `load('object', { data: url }).then(inside)` },
  { what: 'an embedded document', script: `put('embed', { src: url }), ''` },
  { what: 'a frame', often: true, script: `load('iframe', { src: url }).then(inside)` },
  { what: 'a sandboxed frame', script: `load('iframe', { src: url, sandbox: 'allow-scripts' }).then(inside)` },
  {
    what: 'fetch out of a frame without an origin',
    script: `put('iframe', { sandbox: 'allow-scripts', srcdoc: \`<script>fetch("\${url}").then((r) => r.text()).catch(String).then((read) => parent.postMessage(read, '*'))</script>\` }), over(window)`,
  },
  {
    what: 'fetch out of a data: frame',
    script: `put('iframe', { src: \`data:text/html,<script>fetch("\${url}",{mode:'no-cors'}).then((r)=>r.text()).catch(String).then((read)=>parent.postMessage(read,'*'))</script>\` }), over(window)`,
  },
  { what: 'a WebSocket', often: true, script: `over(new WebSocket(url.replace('http', 'ws')))` },
  { what: 'EventSource', script: `over(new EventSource(url))` },
  { what: 'EventSource with credentials', script: `over(new EventSource(url, { withCredentials: true }))` },
  { what: 'sendBeacon', often: true, script: `navigator.sendBeacon(url, new URLSearchParams({ name: 'lab' }))` },
  {
    what: 'sendBeacon with JSON, and so a preflight',
    script: `navigator.sendBeacon(url, new Blob(['{}'], { type: 'application/json' }))`,
  },
  { what: 'a link', often: true, script: `put('a', { href: url, id: 'bait' }, 'win')`, click: true },
  {
    what: 'a link without referrer',
    script: `put('a', { href: url, id: 'bait', rel: 'noreferrer' }, 'win')`,
    click: true,
  },
  {
    what: 'a link to a new window',
    script: `put('a', { href: url, id: 'bait', target: '_blank', rel: 'noopener' }, 'win')`,
    click: true,
  },
  { what: 'a link to a download', script: `put('a', { href: url, id: 'bait', download: 'x' }, 'win')`, click: true },
  { what: "a link's ping", script: `put('a', { href: '#x', ping: url, id: 'bait' }, 'win')`, click: true },
  {
    what: 'window.open',
    often: true,
    script: `put('button', { id: 'bait' }, 'win').onclick = () => { window.opened = open(url); }, ''`,
    click: true,
  },
  { what: 'a script that leaves the page', script: `void (location.href = url)` },
  {
    what: 'a page that refreshes to it',
    script: `document.head.append(element('meta', { 'http-equiv': 'refresh', content: \`0; url=\${url}\` }))`,
  },
  {
    what: 'a worker that fetches',
    script: `over(new Worker(blobOf(\`fetch("\${url}").then((r) => r.text()).catch(String).then(postMessage)\`, 'text/javascript')))`,
  },
  {
    what: 'a worker that imports',
    script: `over(new Worker(blobOf(\`try { importScripts("\${url}") } catch (error) { postMessage(error.name) }\`, 'text/javascript')))`,
  },
  { what: 'a worker from there', script: `over(new Worker(url))`, never: true },
  { what: 'a shared worker from there', script: `over(new SharedWorker(url))`, never: true },
  { what: 'a prefetch', script: `put('link', { rel: 'prefetch', href: url }), ''` },
  { what: 'a preload', script: `put('link', { rel: 'preload', as: 'script', href: url }), ''` },
  { what: 'a preload of a module', script: `put('link', { rel: 'modulepreload', href: url }), ''` },
  { what: 'an image by a redirect', script: `load('img', { src: redirect(url) }).then(() => '')` },
  { what: 'a form post by a redirect', script: `framed(redirect(url))` },
  { what: 'fetch by a redirect', script: `text(fetch(redirect(url), { method: 'POST', mode: 'no-cors', body: 'x' }))` },
  { what: 'a link by a redirect', script: `put('a', { href: redirect(url), id: 'bait' }, 'win')`, click: true },
];

test('in Chromium', async (t) => {
  const program = await needProgram(t, 'chromium', {
    commands: [
      ...(process.env['PATH'] ?? '').split(delimiter).map((directory) => join(directory, 'chromium')),
      '/usr/bin/chromium',
    ],
  });
  if (program === undefined) return;
  const browser = await launch(t, program);
  t.diagnostic(`Chromium ${browser.version()}`);

  // The control: in this setup a request that is forwarded would show.
  await t.test('an address that the user types works', async (s) => {
    const { origin, port } = await start(s);
    const page = await newPage(s, browser);
    for (const name of ['localhost', '127.0.0.1']) {
      const sent = watchRequests(s, port);
      const answer = await page.goto(`http://${name}:${port}/users/`);
      assert.equal(answer?.status(), 200);
      assert.ok((await page.content()).includes(secret));
      assert.equal(sent[0]?.headers['sec-fetch-site'], 'none');
      assert.equal(arrivedAt(origin, '/MAAS/api/2.0/users/').length, 1);
      origin.received.length = 0;
    }
  });

  await t.test("the proxy's own page may do what it likes", async (s) => {
    const { origin, port } = await start(s);
    const page = await newPage(s, browser);
    await page.goto(`http://localhost:${port}/`);
    const read = await page.evaluate(
      `Promise.all(['GET', 'POST'].map(async (method) => (await fetch('/zones/', { method })).text()))`,
    );
    assert.deepEqual(read, [JSON.stringify(secret), JSON.stringify(secret)]);
    assert.equal(arrivedAt(origin, '/MAAS/api/2.0/zones/').length, 2);
  });

  // A file that somebody has put into MAAS may be a web page.
  await t.test('what MAAS has returned is no page of the proxy, and reaches nothing', async (s) => {
    const { origin, port } = await start(s);
    const page = await newPage(s, browser);
    await page.goto(`http://localhost:${port}/users/`);
    await assert.rejects(page.evaluate(`fetch('/zones/')`), /Failed to fetch/);
    assert.equal(arrivedAt(origin, '/MAAS/api/2.0/zones/').length, 0);
  });

  const some = attempts.filter(({ often }) => often);
  for (const [from, to, chosen] of [
    ['evil.example', 'localhost', attempts],
    ['evil.example', '127.0.0.1', some],
    // The same site, another port: a development server, say.
    ['localhost', 'localhost', some],
  ] as const) {
    await t.test(`a page of http://${from}:… reaches nothing at http://${to}:…`, async (s) => {
      const place = await start(s);
      const pages = await servePages(s);
      const context = await newContext(s, browser);
      const told = new Map<string, string[]>();
      for (const [index, attempt] of chosen.entries()) {
        await s.test(attempt.what, async (one) => {
          const page = await context.newPage();
          await page.goto(`http://${from}:${pages.port}/`);
          const sent = await assertStopped(one, place, page, attempt, `http://${to}:${place.port}/zones/${index}/`);
          for (const way of new Set(sent.map(tell))) told.set(way, [...(told.get(way) ?? []), attempt.what]);
          for (const opened of context.pages()) await opened.close();
        });
      }
      for (const [way, by] of told) s.diagnostic(`${way}: ${by.join('; ')}`);
    });
  }

  await t.test(
    'a name that was rebound to the proxy reaches nothing, though for Chromium it is one origin',
    async (s) => {
      // The page comes from the attacker's server; then the same name and port lead to the proxy.
      const pages = await servePages(s);
      const page = await newPage(s, browser);
      await page.goto(`http://rebound.example:${pages.port}/`);
      await pages.close();
      const { origin, proxy, port } = await start(s, ['--port', String(pages.port)]);
      const sent = watchRequests(s, port);
      const url = `http://rebound.example:${port}/users/`;
      for (const script of [
        'text(fetch(url))',
        `text(fetch(url, { method: 'POST', body: new URLSearchParams({ name: 'lab' }) }))`,
        `text(fetch(url, { method: 'POST', ${json} }))`,
        `text(fetch(url, { method: 'DELETE' }))`,
        `request('GET', url, { credentials: true })`,
        `load('iframe', { src: url }).then(inside)`,
        `framed(url)`,
      ]) {
        const before = sent.length;
        const read = await run(page, url, script);
        assert.ok(sent.length > before, `${script} was not sent`);
        assert.doesNotMatch(read, new RegExp(secret));
        assert.match(read, /unknown-host/, script);
      }
      for (const script of [`over(new WebSocket(url.replace('http', 'ws')))`, `load('img', { src: url })`]) {
        await run(page, url, script);
      }
      await page.goto(url);
      assert.match(await page.content(), /unknown-host/);
      assert.ok(sent.length >= 10);
      for (const { headers } of sent) assert.equal(headers.host, `rebound.example:${port}`);
      s.diagnostic([...new Set(sent.map(tell))].join('; '));
      await until(() => answers(proxy).length >= sent.length, 'an answer to each request');
      assert.deepEqual([...new Set(answers(proxy).map(({ status }) => status))], [421]);
      assert.equal(origin.received.length, 0);
    },
  );

  await t.test('a name that was rebound to the admin listener reads nothing of it', async (s) => {
    const pages = await servePages(s);
    const page = await newPage(s, browser);
    await page.goto(`http://rebound.example:${pages.port}/`);
    await pages.close();
    await start(s, ['--admin-port', String(pages.port)]);
    for (const path of ['/livez', '/readyz', '/metrics']) {
      const read = await run(page, `http://rebound.example:${pages.port}${path}`, 'text(fetch(url))');
      assert.match(read, /unknown-host/, path);
      assert.doesNotMatch(read, /ready|alive|maas_auth_proxy_/, path);
    }
  });

  await t.test('the address of all interfaces and other spellings of 127.0.0.1 are no way round', async (s) => {
    const { origin, proxy, port } = await start(s);
    const pages = await servePages(s);
    const page = await newPage(s, browser);
    await page.goto(`http://evil.example:${pages.port}/`);
    for (const name of ['0.0.0.0', '2130706433', '0x7f.1', '0177.0.0.1', '127.1', '[::ffff:127.0.0.1]', 'localhost.']) {
      for (const mode of ['no-cors', 'cors']) {
        const read = await run(page, `http://${name}:${port}/users/`, `text(fetch(url, { mode: '${mode}' }))`);
        assert.doesNotMatch(read, /canary|problem/, name);
      }
    }
    await until(() => answers(proxy).length >= 12, 'an answer to each request');
    for (const { status } of answers(proxy)) assert.ok(status === 403 || status === 421);
    assert.equal(origin.received.length, 0);
  });

  // The limits, which SECURITY.md names.
  await t.test('a page that redirects where the user has typed its address: a GET, as if typed', async (s) => {
    const { origin, port } = await start(s);
    const pages = await servePages(s);
    const page = await newPage(s, browser);
    const sent = watchRequests(s, port);
    await page.goto(`http://evil.example:${pages.port}/redirect?to=http://localhost:${port}/users/`);
    assert.deepEqual(linesOf(origin), ['GET /MAAS/api/2.0/users/']);
    assert.deepEqual(sent.map(tell).slice(0, 1), ['Sec-Fetch-Site: none']);
  });

  await t.test(
    'a name beyond loopback over plain http: all but plain GETs is stopped, and nothing is read',
    async (s) => {
      // Without https Chromium sends Sec-Fetch-Site to loopback alone, and Origin for all but plain GETs.
      const { origin, proxy, port } = await start(s, ['--allowed-hosts', 'team.example']);
      const pages = await servePages(s);
      const context = await newContext(s, browser);
      for (const [index, attempt] of attempts.entries()) {
        if (attempt.often === undefined || attempt.never || attempt.click) continue;
        const page = await context.newPage();
        await page.goto(`http://evil.example:${pages.port}/`);
        const read = await run(page, `http://team.example:${port}/zones/${index}/`, attempt.script);
        assert.doesNotMatch(read, /canary|problem|cross-site/, attempt.what);
        await until(
          () => answers(proxy).some(({ path }) => path === `/zones/${index}/`),
          `${attempt.what} is answered`,
        );
      }
      assert.ok(answers(proxy).some(({ status }) => status === 403));
      for (const { method } of origin.received) assert.equal(method, 'GET');
    },
  );
});

/** Makes the attempt; MAAS's side must receive nothing of it, and the page must read nothing. @returns what was sent */
async function assertStopped(
  t: TestContext,
  { origin, proxy, port }: Place,
  page: Page,
  attempt: Attempt,
  url: string,
): Promise<IncomingMessage[]> {
  const { pathname } = new URL(url);
  const sent = watchRequests(t, port);
  const mine = (): IncomingMessage[] => sent.filter((request) => targetOf(request).startsWith(pathname));
  const verdicts = (): number[] =>
    answers(proxy).flatMap(({ path, status }) => (path.startsWith(pathname) ? [status] : []));
  const reading = run(page, url, attempt.script);
  if (attempt.click) {
    await reading;
    await page.click('#bait');
  }
  if (!attempt.never) await until(() => verdicts().length > 0, `${attempt.what} is answered`);
  let read = await reading;
  if (attempt.click) read += await run(page, url, 'peek(() => opened.document.body.innerHTML)');
  assert.doesNotMatch(read, /canary|problem|cross-site/, `the page has read ${read}`);
  assert.equal(mine().length > 0, attempt.never !== true);
  await until(() => verdicts().length >= mine().length, 'an answer to each request');
  for (const status of verdicts()) assert.equal(status, 403);
  assert.deepEqual(linesOf(origin), []);
  return mine();
}

function linesOf({ received }: Origin): string[] {
  return received.map(({ method, target }) => `${method} ${target}`);
}

/** The target as the client sent it; the proxy's router replaces `url`. */
function targetOf(request: IncomingMessage & { originalUrl?: string }): string {
  return request.originalUrl ?? request.url ?? '';
}

/** Runs a script of `attempts` in a page. @returns what it has read; nothing where it has left the page */
async function run(page: Page, url: string, script: string): Promise<string> {
  try {
    return await page.evaluate<string>(
      `(async (url) => String(await (${script})))(${JSON.stringify(url)}).catch((error) => error.name)`,
    );
  } catch {
    return '';
  }
}

/** What in a request tells the proxy that a page of somebody else sends it. */
function tell({ headers }: IncomingMessage): string {
  const site = headers['sec-fetch-site'];
  const origin = headers.origin?.replace(/:\d+$/, '');
  const said = [site && `Sec-Fetch-Site: ${String(site)}`, origin && `Origin: ${origin}`].filter(Boolean);
  return said.length === 0 ? 'neither Sec-Fetch-Site nor Origin' : said.join(', ');
}

interface Place {
  readonly origin: Origin;
  readonly proxy: TestProxy;
  readonly port: number;
}

/** A proxy, and a MAAS's side that would let every page read. */
async function start(t: TestContext, flags: readonly string[] = []): Promise<Place> {
  const origin = await startOrigin(t, (_request, response) => {
    response.setHeader('Access-Control-Allow-Origin', '*');
    response.setHeader('Content-Type', 'application/json').end(JSON.stringify(secret));
  });
  const proxy = await startTestProxy(t, origin.url, { flags });
  return { origin, proxy, port: Number(new URL(proxy.url).port) };
}

function arrivedAt({ received }: Origin, target: string): unknown[] {
  return received.filter((request) => request.target === target);
}

/** What the proxy has answered so far, from its log. */
function answers({ log }: TestProxy): { status: number; path: string }[] {
  return log
    .filter(({ msg }) => msg === 'request')
    .map(({ status, path }) => ({ status: Number(status), path: String(path) }));
}

/** The requests that arrive at a port of this process from now on, whatever becomes of them. */
function watchRequests(t: TestContext, port: number): IncomingMessage[] {
  const requests: IncomingMessage[] = [];
  const onStart = (message: unknown): void => {
    const { request } = message as { request: IncomingMessage };
    if (request.socket.localPort === port) requests.push(request);
  };
  subscribe('http.server.request.start', onStart);
  t.after(() => unsubscribe('http.server.request.start', onStart));
  return requests;
}

interface Pages {
  readonly port: number;
  /** Frees the port. */
  close(): Promise<void>;
}

/** The attacker's own server: a page with `pageScript`, and redirects to anywhere. */
async function servePages(t: TestContext): Promise<Pages> {
  const server: Server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://pages');
    response.setHeader('Connection', 'close');
    if (pathname === '/redirect') response.writeHead(307, { Location: searchParams.get('to') ?? '' }).end();
    else response.setHeader('Content-Type', 'text/html').end(`<!doctype html><body><script>${pageScript}</script>`);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const close = async (): Promise<void> => {
    if (!server.listening) return;
    const closed = once(server.close(), 'close');
    server.closeAllConnections();
    await closed;
  };
  t.after(close);
  return { port, close };
}

/** Starts Chromium with a profile of its own; it ends with the test. */
async function launch(t: TestContext, program: string): Promise<Browser> {
  const browser = await chromium.launch({
    executablePath: program,
    chromiumSandbox: false, // it does not work as root, as in a container
    args: [
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--host-resolver-rules=MAP evil.example 127.0.0.1, MAP rebound.example 127.0.0.1, MAP team.example 127.0.0.1',
    ],
  });
  t.after(() => browser.close());
  return browser;
}

/** Storage and cache of their own. */
async function newContext(t: TestContext, browser: Browser): Promise<BrowserContext> {
  const context = await browser.newContext();
  t.after(() => context.close());
  return context;
}

async function newPage(t: TestContext, browser: Browser): Promise<Page> {
  return (await newContext(t, browser)).newPage();
}
