// What somebody with bad intentions, or with much data, does to the page, in a real browser.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test, type TestContext } from 'node:test';
import { promisify } from 'node:util';
import { openPage, seriousViolations } from '../support/browser.ts';
import { startOrigin } from '../support/origin.ts';
import { startTestProxy } from '../support/proxy.ts';
import { send } from '../support/request.ts';

const run = promisify(execFile);

/** A proxy in front of a MAAS that sends this JSON for every path. */
async function startWith(t: TestContext, json: (path: string) => unknown): Promise<string> {
  const origin = await startOrigin(t, ({ url = '' }, response) =>
    response.setHeader('Content-Type', 'application/json').end(JSON.stringify(json(url))),
  );
  return (await startTestProxy(t, origin.url)).url;
}

/** A `describe/` of one operation. */
function description(resource: string, method: string, doc: string): string {
  const actions = [{ method, name: 'action', op: null, doc }];
  return JSON.stringify({
    handlers: [{ name: 'Handler', path: `http://maas/MAAS/api/2.0/${resource}/`, params: [], actions }],
  });
}

test('the copied curl line runs as it is, and makes the same request', async (t) => {
  const page = await openPage(t);
  if (page === undefined) return;
  const doc = 'Create a tag\n\n:param comment: Required. What it is for.\n:type comment: String\n';
  const origin = await startOrigin(t, ({ url = '' }, response) =>
    response.end(url.endsWith('/describe/') ? description('tags', 'POST', doc) : '{"it":"worked"}'),
  );
  const { url } = await startTestProxy(t, origin.url);
  await page.goto(`${url}/`);
  await page.locator('input').first().fill('create a tag');
  await page.locator('nav a[href*="POST"][href*="tags"]').first().click();
  const field = page.locator('textarea').first();
  await field.fill(`it's $HOME & "more"`);
  const line = await page.getByRole('region', { name: 'The same call elsewhere' }).locator('pre').innerText();
  assert.match(line, /^curl /);
  assert.equal((await run('sh', ['-c', line])).stdout, '{"it":"worked"}');
  const sent = origin.received.find(({ method }) => method === 'POST');
  assert.match(decodeURIComponent(String(sent?.body).replaceAll('+', ' ')), /=it's \$HOME & "more"$/);
});

test('a request of curl appears in the live list when it ends; while that is paused, not before it goes on', async (t) => {
  const page = await openPage(t);
  if (page === undefined) return;
  const url = await startWith(t, () => []);
  await page.goto(`${url}/`);
  await page.getByRole('button', { name: 'My requests' }).click();
  await page.getByText('live', { exact: true }).waitFor();
  await send(`${url}/zones/`);
  await page.getByRole('cell', { name: 'GET zones' }).waitFor();
  await page.getByRole('button', { name: 'Pause' }).click();
  await send(`${url}/fabrics/`);
  assert.equal(await page.getByRole('cell', { name: 'GET fabrics' }).count(), 0);
  await page.getByRole('button', { name: 'Go on' }).click();
  await page.getByRole('cell', { name: 'GET fabrics' }).waitFor();
});

test('another site cannot frame the page', async (t) => {
  const page = await openPage(t);
  if (page === undefined) return;
  const url = await startWith(t, () => []);
  const site = await startOrigin(t, (_request, response) =>
    response.setHeader('Content-Type', 'text/html').end(`<title>a site</title><iframe src="${url}/"></iframe>`),
  );
  const framed = page.waitForResponse(`${url}/`);
  await page.goto(site.url);
  assert.equal((await framed).status(), 403);
  for (const frame of page.frames()) assert.equal(await frame.getByRole('button').count(), 0);
});

test('a name of an attacker that leads to the proxy reads nothing (DNS rebinding)', async (t) => {
  const page = await openPage(t, ['--host-resolver-rules=MAP rebind.example 127.0.0.1']);
  if (page === undefined) return;
  const url = await startWith(t, () => ['secret']);
  const { port } = new URL(url);
  for (const path of ['/', '/-/me', '/machines/']) {
    const response = await page.goto(`http://rebind.example:${port}${path}`);
    assert.equal(response?.status(), 421, path);
    assert.doesNotMatch(await page.content(), /secret/);
  }
});

test('a response of 5 MB is shown, can be searched, and leaves the page usable', async (t) => {
  const page = await openPage(t);
  if (page === undefined) return;
  const machines = Array.from({ length: 5_000 }, (_, number) => ({
    system_id: `m${number}`,
    hostname: `host-${number}`,
    description: 'x'.repeat(960),
  }));
  const url = await startWith(t, (path) => (path.startsWith('/MAAS/api/2.0/machines/') ? machines : {}));
  await page.goto(`${url}/`);
  await page.getByRole('link', { name: 'the list of machines' }).click();
  await page.getByRole('button', { name: 'Send' }).click();
  await page.getByRole('cell', { name: 'host-0', exact: true }).waitFor();
  await page.getByLabel('Search', { exact: true }).fill('host-4999');
  await page.getByRole('cell', { name: 'host-4999', exact: true }).waitFor();
  assert.equal(await page.getByRole('cell', { name: 'host-0', exact: true }).count(), 0);
  await page.getByRole('button', { name: 'text', exact: true }).click();
  await page.getByText('Only the beginning is shown').waitFor();
});

test("a hostile description of MAAS's is shown as text", async (t) => {
  const page = await openPage(t);
  if (page === undefined) return;
  const doc = 'List zones <img src=x onerror="document.title=1">\n\n<script>document.title=1</script> of them.\n';
  const url = await startWith(t, (path) =>
    path.startsWith('/MAAS/api/2.0/describe/') ? JSON.parse(description('zones', 'GET', doc)) : [],
  );
  await page.goto(`${url}/`);
  await page.locator('input').first().fill('zones');
  await page.locator('nav a[href*="GET"][href*="zones"]').first().click();
  await page.getByText('<script>document.title=1</script> of them.').waitFor();
  assert.equal(await page.locator('img').count(), 0);
  assert.notEqual(await page.title(), '1');
});

test('a web page kept as a file in MAAS does not run as the page of the proxy', async (t) => {
  const page = await openPage(t);
  if (page === undefined) return;
  const origin = await startOrigin(t, (_request, response) =>
    response
      .setHeader('Content-Type', 'text/html')
      .end('<title>a file</title><p>kept</p><script>document.title = sessionStorage.length + "ran"</script>'),
  );
  const { url } = await startTestProxy(t, origin.url);
  await page.goto(`${url}/files/evil.html/`);
  assert.doesNotMatch(await page.title(), /ran/);
});

for (const colorScheme of ['light', 'dark'] as const) {
  test(`in a narrow ${colorScheme} window nothing is cut off, and axe-core finds nothing serious`, async (t) => {
    const page = await openPage(t);
    if (page === undefined) return;
    const url = await startWith(t, () => [{ id: 1, name: 'a'.repeat(300), description: 'b '.repeat(100) }]);
    await page.emulateMedia({ colorScheme });
    await page.setViewportSize({ width: 360, height: 700 });
    await page.goto(`${url}/`);
    await page.getByRole('link', { name: 'the list of machines' }).click();
    await page.getByRole('button', { name: 'Send' }).click();
    await page.getByRole('region', { name: 'Response', exact: true }).waitFor();
    assert.deepEqual(await seriousViolations(page), []);
    const wide = await page.evaluate<number>('document.documentElement.scrollWidth - innerWidth');
    assert.ok(wide <= 0, `${wide} pixels stand out of the window`);
  });
}
