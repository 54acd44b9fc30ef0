/**
 * `node --import tsx --conditions=@tailrace/source scripts/picture.ts`: makes `docs/explorer.png` and `docs/event.png`,
 * the pictures in the README, from the running demo.
 */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { findChromium, launchChromium } from '../tests/chromium.ts';
import { buildScreens, startDemo } from '../tests/demo.ts';
import { ROOT, waitFor } from '../tests/processes.ts';
import { createServerClient } from '../tests/server-client.ts';

const TRAFFIC_SECONDS = 90;
const EXPLORER_PICTURE = join(ROOT, 'docs/explorer.png');
const EVENT_PICTURE = join(ROOT, 'docs/event.png');

const chromium = findChromium();
if (chromium === undefined) throw new Error('No Chromium was found: install it, or set CHROMIUM_PATH.');
await buildScreens();
const demo = await startDemo({ args: ['--seed', '5', '--concurrency', '12'], timeFactor: 1 });
try {
  const from = new Date().toISOString();
  await sleep(TRAFFIC_SECONDS * 1000);
  const client = createServerClient(demo.url);
  const [shown] = await waitFor('a payment that timed out', async () => {
    const found = await client.search('error.code:GATEWAY_TIMEOUT', from, 'now');
    return found.length > 0 ? found : undefined;
  });
  // The range ends just after the event that is opened, so that its row stands at the top and the histogram in sight.
  const to = new Date(Date.parse(String(shown?.timestamp)) + 100).toISOString();

  const browser = await launchChromium(chromium);
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 }, colorScheme: 'light' });
  const open = async (query: Readonly<Record<string, string>>): Promise<void> => {
    const address = new URL(demo.url);
    address.search = new URLSearchParams(query).toString();
    await page.goto(address.href);
    await page.getByRole('grid').getByRole('row').nth(5).waitFor();
    await page.waitForLoadState('networkidle');
    await page.evaluate(() => document.fonts.ready);
  };
  await open({ q: 'route:/payments', from, to });
  await page.screenshot({ path: EXPLORER_PICTURE });
  await open({ q: 'route:/payments', from, to, event: String(shown?.event_id) });
  await page.getByRole('dialog', { name: 'Event' }).getByText('GATEWAY_TIMEOUT').first().waitFor();
  await page.screenshot({ path: EVENT_PICTURE });
  await browser.close();
  console.log(`${EXPLORER_PICTURE}\n${EVENT_PICTURE}`);
} finally {
  await demo.end();
}
