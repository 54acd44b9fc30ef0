/** The screens over the real demo, in a real browser. */
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findChromium, launchChromium } from './chromium.ts';
import { buildScreens, type RunningDemo, startDemo } from './demo.ts';
import { waitFor } from './processes.ts';
import { createServerClient } from './server-client.ts';

const chromium = findChromium();
if (chromium === undefined) {
  const line = 'No Chromium was found: install it, or set CHROMIUM_PATH.';
  if (process.env.CI === 'true') throw new Error(line);
  console.warn(`tests/browser.test.ts is skipped. ${line}`);
}

describe.skipIf(chromium === undefined)('the screens over the demo', () => {
  let demo: RunningDemo;
  let browser: Browser;
  let page: Page;
  const complaints: string[] = [];

  beforeAll(async () => {
    await buildScreens();
    demo = await startDemo({ args: ['--seed', '5', '--concurrency', '8'], timeFactor: 0.05 });
    const client = createServerClient(demo.url);
    await waitFor('a payment that timed out', async () => {
      const events = await client.search('error.code:GATEWAY_TIMEOUT', '-15m', 'now');
      return events.length > 1 ? true : undefined;
    });
    browser = await launchChromium(chromium ?? '');
    page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
    page.setDefaultTimeout(15_000);
    page.on('console', (message) => {
      if (message.type() === 'error') complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(String(error)));
    await page.addInitScript(() => {
      document.addEventListener('securitypolicyviolation', (event) => {
        console.error(`CSP: ${event.violatedDirective} ${event.blockedURI}`);
      });
    });
  }, 180_000);

  afterAll(async () => {
    await browser?.close();
    await demo?.end();
  });

  const search = async (text: string) => {
    const box = page.getByRole('searchbox', { name: 'Search' });
    await box.fill(text);
    await box.press('Enter');
  };
  /** The rows of the grid that show events: all but its header. */
  const rows = () =>
    page
      .getByRole('grid')
      .getByRole('row')
      .filter({ has: page.getByRole('gridcell') });

  it('the explorer shows traffic, with a histogram', async () => {
    await page.goto(demo.url);
    await rows().first().waitFor();
    expect(await rows().count()).toBeGreaterThan(5);
    await page.getByRole('application', { name: /Events over time.* [1-9][\d,]* events from/ }).waitFor();
  });

  it('a search for a code shows events of that code only', async () => {
    await search('error.code:GATEWAY_TIMEOUT');
    await page.waitForFunction(() => {
      const texts = [...document.querySelectorAll('[role=grid] [role=row]')]
        .filter((row) => row.querySelector('[role=gridcell]') !== null)
        .map((row) => row.textContent ?? '');
      return texts.length > 0 && texts.every((text) => text.includes('GATEWAY_TIMEOUT'));
    });
    expect(await rows().count()).toBeGreaterThan(1);
  });

  it('an event opens with its steps', async () => {
    await rows().first().click();
    const drawer = page.getByRole('dialog', { name: 'Event' });
    await drawer.waitFor();
    for (const text of ['balance-service', 'payment-gateway', 'GATEWAY_TIMEOUT', 'HAS_ERROR']) {
      await drawer.getByText(text).first().waitFor();
    }
    await page.keyboard.press('Escape');
    await drawer.waitFor({ state: 'detached' });
  });

  it('a search that is wrong shows where', async () => {
    await search('error.code:(GATEWAY_TIMEOUT');
    const fault = page.getByRole('alert');
    await fault.waitFor();
    // The place is marked in the search as it was typed.
    expect(await fault.locator('code').textContent()).toBe('error.code:(GATEWAY_TIMEOUT');
    expect(await fault.locator('mark').count()).toBe(1);
  });

  it('the live tail shows what comes in', async () => {
    await search('');
    await page.getByRole('switch', { name: 'Live' }).click();
    await page.getByText('following').waitFor();
    const newest = async () => (await rows().first().textContent()) ?? '';
    const before = await newest();
    await waitFor('a new event', async () => ((await newest()) === before ? undefined : true), 20_000);
  });

  it('the ledger says that nothing is missing', async () => {
    await page.getByRole('link', { name: /ledger/i }).click();
    await page.getByRole('heading', { name: 'Ledger' }).waitFor();
    await page
      .getByRole('status')
      .getByText(/^Nothing is missing: [\d,]+ events kept/)
      .waitFor();
  });

  it('the browser had nothing to complain of', () => {
    // A search that is wrong is answered with 400, which Chromium notes by itself.
    expect(complaints.filter((text) => !/status of 400/.test(text))).toEqual([]);
  });
});
