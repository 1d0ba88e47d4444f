// The page in a real browser.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openPage, seriousViolations } from '../support/browser.ts';
import { startOrigin } from '../support/origin.ts';
import { give, startGateway } from '../support/gateway.ts';
import { startTestProxy } from '../support/proxy.ts';

const hostile = '<img src=x onerror="document.title=1">';

test('a person finds an operation, sends it and sees a table; a hostile name is text', async (t) => {
  const page = await openPage(t);
  if (page === undefined) return;
  const origin = await startOrigin(t, (_request, response) =>
    response
      .setHeader('Content-Type', 'application/json')
      .end(JSON.stringify([{ system_id: 'abc', hostname: hostile }])),
  );
  const { url } = await startTestProxy(t, origin.url);
  const complaints: string[] = [];
  page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
  await page.goto(`${url}/`);
  await page.getByRole('link', { name: 'the list of machines' }).click();
  await page.getByRole('button', { name: 'Send' }).click();
  const table = page.getByRole('table').first();
  await table.getByText(hostile).waitFor();
  assert.equal(await page.locator('img').count(), 0);
  assert.notEqual(await page.title(), '1');
  assert.deepEqual(complaints, []);
});

test('a change is sent only once it is confirmed', async (t) => {
  const page = await openPage(t);
  if (page === undefined) return;
  const origin = await startOrigin(t, (_request, response) => response.end('{}'));
  const { url } = await startTestProxy(t, origin.url);
  const posts = (): string[] => origin.received.flatMap(({ method, target }) => (method === 'POST' ? [target] : []));
  await page.goto(`${url}/`);
  await page.locator('input').first().fill('power off');
  await page.locator('nav a[href*="machines"][href*="power_off"]').first().click();
  const field = page.locator('textarea').first();
  await field.fill('abc');
  await page.getByRole('button', { name: 'Send' }).click();
  const question = page.getByRole('alertdialog');
  await question.waitFor();
  assert.deepEqual(posts(), []);
  await question.getByRole('button', { name: 'Yes, send it' }).click();
  await page.getByRole('region', { name: 'Response' }).waitFor();
  assert.equal(posts().length, 1);
});

test("a gateway's page asks for the key, says what the policy refuses, and axe-core finds nothing serious", async (t) => {
  const page = await openPage(t);
  if (page === undefined) return;
  const origin = await startOrigin(t, (_request, response) => response.end('[]'));
  const ann = give('ann', { policy: 'read-only' });
  const { url } = await startGateway(t, origin.url, [ann]);
  await page.goto(`${url}/`);
  await page.getByLabel('Your key for this gateway').fill(ann.key);
  await page.locator('button[type=submit]').click();
  await page.locator('input').first().fill('power off');
  await page.locator('nav a[href*="machines"][href*="power_off"]').first().click();
  await page.getByText('Your policy refuses this operation').waitFor();
  assert.deepEqual(await seriousViolations(page), []);
});
