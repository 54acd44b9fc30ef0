/**
 * An application for P4: one route that waits for its database, and logs one event for each request with Tailrace (as it comes, or all
 * of them kept), one line with Pino, or nothing.
 *
 *   node --import tsx cases/small-application.ts nothing|tailrace|tailrace-all|pino FOLDER STORE_URL
 */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import Fastify from 'fastify';
import pino from 'pino';
import { createTailrace } from 'tailrace';
import { paymentRequest } from '../work.ts';

const [log = 'nothing', folder = '', storeUrl = ''] = process.argv.slice(2);
const DATABASE_MS = 20;
const app = Fastify();
let n = 0;

if (log.startsWith('tailrace')) {
  const tailrace = createTailrace({
    service: 'payments',
    dataDir: folder,
    ...(log === 'tailrace-all' && { sampling: { normalRate: 1 } }),
    routes: [{ name: 'tailrace', sinks: [{ kind: 'builtin', name: 'tailrace', options: { url: storeUrl } }] }],
  });
  app.get('/payments/:id', () => {
    n += 1;
    const { attributes, user, route, method, request_id, trace_id } = paymentRequest(n);
    return tailrace.run({ route, method, request_id, trace_id }, async () => {
      tailrace.set({ user, ...attributes });
      await tailrace.step('database', () => sleep(DATABASE_MS));
      tailrace.set({ status: 200 });
      return { id: n, state: 'paid' };
    });
  });
} else if (log === 'pino') {
  // Into a file: it knows no store that could hang. Each line is written before the call returns, as Tailrace's are in the turn.
  const logger = pino(
    { base: { service: 'payments' } },
    pino.destination({ dest: join(folder, 'pino.ndjson'), sync: true }),
  );
  app.get('/payments/:id', async () => {
    n += 1;
    const { attributes, user, route, method, request_id, trace_id } = paymentRequest(n);
    const startedMs = performance.now();
    await sleep(DATABASE_MS);
    const duration_ms = performance.now() - startedMs;
    const steps = [{ name: 'database', service: 'payments', duration_ms, outcome: 'ok' }];
    logger.info({ route, method, request_id, trace_id, user, ...attributes, steps, status: 200, duration_ms });
    return { id: n, state: 'paid' };
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
