// The operator's page in a real browser.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test, type TestContext } from 'node:test';
import { chromium, type Page } from 'playwright-core';
import { emptyDirectory } from '../support/cli.ts';
import { give, writeClients } from '../support/gateway.ts';
import { startOrigin } from '../support/origin.ts';
import { needProgram } from '../support/programs.ts';
import { startTestProxy } from '../support/proxy.ts';
import { send } from '../support/request.ts';

async function openPage(t: TestContext): Promise<Page | undefined> {
  const program = await needProgram(t, 'chromium', { commands: ['/usr/bin/chromium'] });
  if (program === undefined) return undefined;
  const browser = await chromium.launch({
    executablePath: program,
    chromiumSandbox: false, // it does not work as root, as in a container
    args: ['--disable-gpu', '--disable-background-networking'],
  });
  t.after(() => browser.close());
  return browser.newPage();
}

/** A text of errors on the console, and of requests to another host than the page's. */
function watch(page: Page, origin: string): string[] {
  const complaints: string[] = [];
  page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('request', (request) => !request.url().startsWith(origin) && complaints.push(request.url()));
  return complaints;
}

async function seriousFaults(page: Page): Promise<string[]> {
  await page.evaluate(readFileSync(resolve('node_modules/axe-core/axe.min.js'), 'utf8'));
  return page.evaluate<string[]>(
    `axe.run().then(({ violations }) => violations.filter(({ impact }) => impact === 'serious' || impact === 'critical').map(({ id, nodes }) => id + ' ' + nodes[0].html))`,
  );
}

const hostile = '<img src=x onerror="document.title=1">';

test("the operator sees everybody's requests as they end, plots, problems; a hostile address is text", async (t) => {
  const page = await openPage(t);
  if (page === undefined) return;
  const origin = await startOrigin(t, (_request, response) => response.end('[]'));
  const { url, adminPage = '' } = await startTestProxy(t, origin.url);
  const complaints = watch(page, adminPage);
  await page.goto(adminPage);
  await page.getByText('No request has ended since this page was opened').waitFor();
  await page.getByRole('status').getByText('live', { exact: true }).waitFor();
  await send(`${url}/machines/?hostname=hidden`);
  await send(`${url}/MAAS/${encodeURIComponent(hostile).replaceAll('%22', '"')}`);
  const requests = page.getByRole('region', { name: 'Requests, newest first' });
  await requests.getByRole('cell', { name: 'GET machines', exact: true }).waitFor();
  await requests.getByRole('cell', { name: /Not an address of the MAAS API/ }).waitFor();
  await page.getByRole('row', { name: /Not an address of the MAAS API outside-api 1/ }).waitFor();
  for (const title of ['Requests per second', 'How long they took', 'Requests in flight', 'Share that MAAS never saw'])
    await page.getByRole('figure', { name: title }).waitFor();
  assert.equal(await page.getByText('hidden').count(), 0);
  assert.equal(await page.locator('img').count(), 0);
  assert.notEqual(await page.title(), '1');
  await page.getByLabel('Filter').fill('GET machines');
  assert.equal(await requests.getByRole('row').count(), 2);
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme });
    assert.deepEqual(await seriousFaults(page), [], colorScheme);
  }
  await page.setViewportSize({ width: 400, height: 800 });
  assert.ok(await page.evaluate<boolean>('document.documentElement.scrollWidth <= innerWidth'), 'it scrolls sideways');
  assert.deepEqual(complaints, []);
});

test("a gateway's operator gives the token once, for this tab alone; whose key ends next is said", async (t) => {
  const page = await openPage(t);
  if (page === undefined) return;
  const origin = await startOrigin(t, (_request, response) => response.end('[]'));
  const ann = give('ann', { expires: new Date(Date.now() + 5.5 * 86_400_000).toISOString() });
  const tokenFile = join(emptyDirectory(t), 'admin-token');
  writeFileSync(tokenFile, 'TheAdminTokenOfThisTest', { mode: 0o600 });
  const flags = ['--clients-file', writeClients(t, [ann]), '--admin-token-file', tokenFile];
  const { url, adminPage = '' } = await startTestProxy(t, origin.url, { flags });
  await page.goto(adminPage);
  const field = page.getByLabel('The admin token');
  await field.fill('SomeOtherTokenAltogether');
  await field.press('Enter');
  await page.getByRole('alert').getByText('This is not the admin token').waitFor();
  assert.deepEqual(await seriousFaults(page), []);
  await field.fill('TheAdminTokenOfThisTest');
  await field.press('Enter');
  await page.getByRole('row', { name: /ann's key .*in 5 days/ }).waitFor();
  await send(`${url}/zones/`, { headers: { Authorization: `Bearer ${ann.key}` } });
  await page.getByRole('row', { name: /ann GET zones 200/ }).waitFor();
  await page.reload();
  await page.getByRole('row', { name: /ann's key/ }).waitFor();
  assert.equal(await page.evaluate<number>('localStorage.length'), 0);
  await page.getByRole('button', { name: 'Forget the token' }).click();
  await field.waitFor();
  assert.equal(await page.evaluate<number>('sessionStorage.length'), 0);
});
