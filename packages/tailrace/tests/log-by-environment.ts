/** Logs one line with the settings of the environment, waits until its route has tried to deliver it, and ends. */
import { setTimeout as delay } from 'node:timers/promises';
import { createTailrace } from '../src/index.ts';

const tailrace = createTailrace({ service: 'child', onNotice: () => {} });
tailrace.log.info('hello');
for (let tries = 0; tries === 0; ) {
  await delay(50);
  const { routes } = await tailrace.stats();
  tries = routes.reduce((sum, { deliveredLines, retries }) => sum + deliveredLines + retries, 0);
}
await tailrace.close(0);
