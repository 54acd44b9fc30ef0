/**
 * `node --import tsx --conditions=@tailrace/source scripts/picture.ts`: makes `docs/explorer.png`, the picture in the
 * README, from the running demo.
 */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { findChromium, launchChromium } from '../tests/chromium.ts';
import { buildScreens, startDemo } from '../tests/demo.ts';
import { ROOT, waitFor } from '../tests/processes.ts';
import { createServerClient } from '../tests/server-client.ts';

const TRAFFIC_SECONDS = 90;
const PICTURE = join(ROOT, 'docs/explorer.png');

const chromium = findChromium();
if (chromium === undefined) throw new Error('No Chromium was found: install it, or set CHROMIUM_PATH.');
await buildScreens();
const demo = await startDemo({ args: ['--seed', '5', '--concurrency', '12'], timeFactor: 1 });
try {
  const from = new Date().toISOString();
  await sleep(TRAFFIC_SECONDS * 1000);
  const to = new Date().toISOString();
  const client = createServerClient(demo.url);
  const [shown] = await waitFor('a payment that timed out', async () => {
    const found = await client.search('error.code:GATEWAY_TIMEOUT', from, to);
    return found.length > 0 ? found : undefined;
  });

  const browser = await launchChromium(chromium);
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 }, colorScheme: 'light' });
  const address = new URL(demo.url);
  address.search = new URLSearchParams({ q: 'route:/payments', from, to, event: String(shown?.event_id) }).toString();
  await page.goto(address.href);
  await page.getByRole('dialog', { name: 'Event' }).getByText('GATEWAY_TIMEOUT').first().waitFor();
  await page.getByRole('grid').getByRole('row').nth(5).waitFor();
  await page.evaluate(() => document.fonts.ready);
  await page.screenshot({ path: PICTURE });
  await browser.close();
  console.log(PICTURE);
} finally {
  await demo.end();
}
