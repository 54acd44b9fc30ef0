/** The screen of dead letters, in a real browser, over a real server that asks for keys. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadConfig } from '../packages/server/src/config.ts';
import { createServer, type RunningServer } from '../packages/server/src/server.ts';
import { findChromium, launchChromium } from './chromium.ts';
import { buildScreens } from './demo.ts';

const chromium = findChromium();
if (chromium === undefined) {
  const line = 'No Chromium was found: install it, or set CHROMIUM_PATH.';
  if (process.env.CI === 'true') throw new Error(line);
  console.warn(`tests/browser-dead.test.ts is skipped. ${line}`);
}

const INGEST = 'ingest-key-0123456789';
const READ = 'read-key-0123456789ab';
const ADMIN = 'admin-key-0123456789a';

describe.skipIf(chromium === undefined)('the screen of dead letters', () => {
  let dataDir: string;
  let server: RunningServer;
  let browser: Browser;
  let page: Page;
  const complaints: string[] = [];

  beforeAll(async () => {
    await buildScreens();
    dataDir = await mkdtemp(join(tmpdir(), 'tailrace-browser-dead-'));
    const settings = { port: 0, dataDir, ingestKey: INGEST, readKey: READ, adminKey: ADMIN };
    server = await createServer(loadConfig({}, settings), { log: () => {} });
    const lines = Array.from({ length: 12 }, (_, n) => {
      const status = n < 9 ? `none-${n}` : 200;
      const level = n < 9 ? 'info' : `loud-${n}`;
      return JSON.stringify({ event_id: `shop0001-${n + 1}`, service: n % 2 ? 'shop' : 'bank', status, level });
    });
    const answer = await fetch(`${server.url}/v1/events`, {
      method: 'POST',
      headers: { authorization: `Bearer ${INGEST}`, 'content-type': 'application/x-ndjson' },
      body: lines.join('\n'),
    });
    expect(await answer.json()).toMatchObject({ accepted: 0 });
    browser = await launchChromium(chromium ?? '');
    page = await browser.newPage({ viewport: { width: 1440, height: 900 }, locale: 'en' });
    page.setDefaultTimeout(15_000);
    page.on('pageerror', (error) => complaints.push(String(error)));
  }, 180_000);

  afterAll(async () => {
    await browser?.close();
    await server?.close();
    await rm(dataDir, { recursive: true, force: true });
  });

  const letters = () => page.getByRole('button', { name: /^Show the letter/ });
  const enterAdminKey = async (key: string) => {
    await page.getByLabel(/^Admin key/).fill(key);
    await page.getByRole('button', { name: 'Go on' }).click();
  };

  it('lists them by cause, and shows those of one cause', async () => {
    await page.goto(server.url);
    await page.getByLabel('Read key').fill(READ);
    await page.getByRole('button', { name: 'Open' }).click();
    await page.getByRole('link', { name: 'Dead letters' }).click();
    await page.getByText('12 in all').waitFor();
    expect(await letters().count()).toBe(12);
    await page.getByRole('button', { name: /^level is/ }).click();
    await page.getByText('3 of 3').waitFor();
    expect(await letters().count()).toBe(3);
    expect(new URL(page.url()).searchParams.get('cause')).toContain('level is');
  });

  it('takes an edit with the admin key, says what a replay would do, and does it', async () => {
    await letters().first().click();
    const drawer = page.getByRole('dialog', { name: 'Dead letter' });
    const event = drawer.getByLabel('Event', { exact: true });
    await event.fill('{"level": "very loud"}');
    await drawer.getByRole('button', { name: 'Save the event' }).click();
    await enterAdminKey('wrong-key-0123456789a');
    await drawer.getByText('did not accept this key').waitFor();
    await enterAdminKey(ADMIN);
    await drawer.getByText('the event would be refused again: level is "very loud"').waitFor();

    await event.fill('{"level": "warn", "service": "shop", "message": "mended"}');
    await drawer.getByRole('button', { name: 'Save the event' }).click();
    await drawer.getByText('Saved.').waitFor();
    await drawer.getByText('Edited by the admin key').waitFor();
    await drawer.getByRole('button', { name: 'Replay 1' }).click();
    await drawer.getByText('1 would be taken').waitFor();
    await drawer.getByRole('button', { name: 'Replay now' }).click();
    await drawer.getByText('There is no such dead letter').waitFor();
    await page.keyboard.press('Escape');
    await page.getByText('2 of 2').waitFor();
  });

  it('finds letters by their text, and purges what was found after the number was written', async () => {
    await page.getByRole('button', { name: /^level is/ }).click();
    await page.getByText('11 of 11').waitFor();
    const box = page.getByRole('searchbox');
    await box.fill('none-7');
    await box.press('Enter');
    await page.getByText('1 of 1').waitFor();
    await box.fill('');
    await box.press('Enter');
    await page.getByText('11 of 11').waitFor();

    await page.getByRole('button', { name: 'Purge 11' }).click();
    const panel = page.getByRole('region', { name: 'Purge' });
    const go = panel.getByRole('button', { name: 'Purge for good' });
    await panel.getByLabel('Number of letters').fill('12');
    expect(await go.isDisabled()).toBe(true);
    await panel.getByLabel('Number of letters').fill('11');
    await go.click();
    await page.getByText('There are no dead letters.').waitFor();
  });

  it('speaks Korean', async () => {
    await page.getByLabel('Language').selectOption('ko');
    await page.getByRole('heading', { name: '데드 레터' }).waitFor();
  });

  it('the browser had nothing to complain of', () => expect(complaints).toEqual([]));
});
