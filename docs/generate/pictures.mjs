// `npm run pictures`: photographs the page in Debian's Chromium, light and dark, in front of the simulator of `npm run demo`.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { chromium } from 'playwright-core';

/** What there is to see, beside the zone that each MAAS has. */
const zones = [
  ['lab', 'The machines on the third floor'],
  ['rack-1', 'Power from the first feed'],
  ['rack-2', 'Power from the second feed'],
];

mkdirSync('docs/pictures', { recursive: true });
const demo = spawn(process.execPath, ['dist/src/cli.js', 'demo'], {
  env: { PATH: process.env.PATH, PORT: '0', ADMIN_PORT: 'off', MAAS_PROXY_LOG_FORMAT: 'pretty' },
  stdio: ['ignore', 'pipe', 'inherit'],
});
try {
  const url = await addressOf(demo.stdout);
  for (const [name, description] of zones) {
    await fetch(`${url}/zones/`, { method: 'POST', body: new URLSearchParams({ name, description }) });
  }
  const browser = await chromium.launch({
    executablePath: '/usr/bin/chromium',
    chromiumSandbox: false, // it does not work as root, as in a container
    args: ['--disable-gpu', '--disable-background-networking', '--hide-scrollbars'],
  });
  try {
    for (const colorScheme of ['light', 'dark']) await photograph(browser, url, colorScheme);
  } finally {
    await browser.close();
  }
} finally {
  demo.kill('SIGTERM');
  await once(demo, 'exit');
}

/** The first address that the demo offers to a browser. */
async function addressOf(output) {
  let printed = '';
  for await (const chunk of output.setEncoding('utf8').iterator({ destroyOnReturn: false })) {
    printed += chunk;
    const [, url] = /Open (http:\S+)\/ in a browser/.exec(printed) ?? [];
    if (url !== undefined) {
      output.resume();
      return url;
    }
  }
  throw new Error(`the demo did not start:\n${printed}`);
}

/** A list as a visitor gets it: found by its name, sent, and shown as a table. */
async function photograph(browser, url, colorScheme) {
  const page = await browser.newPage({ colorScheme, viewport: { width: 1200, height: 700 }, deviceScaleFactor: 1.5 });
  await page.goto(`${url}/`);
  await page.getByLabel(/^Search/).fill('zones');
  await page.locator('nav a').filter({ hasText: 'GET' }).first().click();
  await page.getByRole('button', { name: 'Send' }).click();
  await page.getByRole('table').first().getByRole('row').nth(zones.length).waitFor();
  await page.screenshot({ path: `docs/pictures/explorer-${colorScheme}.png` });
  await page.close();
}
