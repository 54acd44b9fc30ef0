/**
 * An application for P4: one route that waits for its database, with or without a log.
 *
 *   node --import tsx cases/small-application.ts nothing|tailrace FOLDER STORE_URL
 */
import { setTimeout as sleep } from 'node:timers/promises';
import Fastify from 'fastify';
import { createTailrace } from 'tailrace';
import { paymentRequest } from '../work.ts';

const [log = 'nothing', folder = '', storeUrl = ''] = process.argv.slice(2);
const DATABASE_MS = 20;
const app = Fastify();
let n = 0;

if (log === 'tailrace') {
  const tailrace = createTailrace({
    service: 'payments',
    dataDir: folder,
    // All kept: the most that the log can do to the application.
    sampling: { normalRate: 1 },
    routes: [{ name: 'tailrace', sinks: [{ kind: 'builtin', name: 'tailrace', options: { url: storeUrl } }] }],
  });
  app.get('/payments/:id', () => {
    n += 1;
    const { attributes, user, ...request } = paymentRequest(n);
    return tailrace.run(request, async () => {
      tailrace.set({ user, ...attributes });
      await tailrace.step('database', () => sleep(DATABASE_MS));
      tailrace.set({ status: 200 });
      return { id: n, state: 'paid' };
    });
  });
} else {
  app.get('/payments/:id', async () => {
    n += 1;
    paymentRequest(n);
    await sleep(DATABASE_MS);
    return { id: n, state: 'paid' };
  });
}
console.log(new URL(await app.listen({ port: 0, host: '127.0.0.1' })).port);
