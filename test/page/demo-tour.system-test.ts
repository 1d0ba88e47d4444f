import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openPage } from '../support/browser.ts';
import { startCli } from '../support/cli.ts';

test('the demo is the whole tour: a machine is found, deployed and seen, with the fields that each operation takes', async (t) => {
  const page = await openPage(t);
  if (page === undefined) return;
  const demo = startCli(t, ['demo', '--port', '0', '--admin-port', 'off']);
  const [, url = ''] = await demo.printed(/Open (http:\/\/\S+:\d+)\//);
  await page.goto(url);
  await page.getByLabel(/^Search \d+ operations/).fill('deploy a machine');
  await page
    .getByRole('link', { name: /Deploy a machine/ })
    .first()
    .click();
  await page.getByLabel(/^distro_series/).waitFor();
  await page.getByText('Installs an operating system on a machine').waitFor();
  await page.getByLabel(/^Search \d+ operations/).fill('list machines');
  await page
    .getByRole('link', { name: /List machines/ })
    .first()
    .click();
  await page.getByRole('button', { name: 'Send' }).click();
  const table = page.getByRole('table').first();
  await table.waitFor();
  assert.ok((await table.getByRole('row').count()) > 1);
});
