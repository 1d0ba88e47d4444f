import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { TestContext } from 'node:test';
import { chromium, type Page } from 'playwright-core';
import { needProgram } from './programs.ts';

/** A page of Debian's Chromium, closed with the test; `undefined` where there is none, which has then been said. */
export async function openPage(t: TestContext, flags: readonly string[] = []): Promise<Page | undefined> {
  const program = await needProgram(t, 'chromium', { commands: ['/usr/bin/chromium'] });
  if (program === undefined) return undefined;
  const browser = await chromium.launch({
    executablePath: program,
    chromiumSandbox: false, // it does not work as root, as in a container
    args: ['--disable-gpu', '--disable-background-networking', ...flags],
  });
  t.after(() => browser.close());
  return browser.newPage();
}

/** The rules of axe-core that a page breaks seriously or critically. */
export async function seriousViolations(page: Page): Promise<string[]> {
  await page.evaluate(readFileSync(resolve('node_modules/axe-core/axe.min.js'), 'utf8'));
  return page.evaluate<string[]>(
    `axe.run().then(({ violations }) => violations.filter(({ impact }) => impact === 'serious' || impact === 'critical').map(({ id }) => id))`,
  );
}
