/**
 * A small HTTP service that logs by its environment: each `GET /pay?n=…` is one event with `n`, and takes a few
 * milliseconds in which the process is free. `GET /done` delivers what it can, and answers with the ledger.
 */
import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { createTailrace } from 'tailrace';

const tailrace = createTailrace({ onNotice: ({ code, message }) => console.error(`${code}: ${message}`) });

const server = createServer((request, response) => {
  const url = new URL(request.url ?? '/', 'http://localhost');
  if (url.pathname === '/done') {
    void tailrace.flush(60_000).then(async (isFlushed) => {
      const { ledger, routes } = await tailrace.stats();
      response.end(JSON.stringify({ isFlushed, ledger, routes }));
    });
    return;
  }
  void tailrace.run({ route: '/pay', method: 'GET', n: Number(url.searchParams.get('n')) }, async () => {
    await tailrace.step('charge', () => sleep(5));
    response.end('paid');
  });
});
// Connections rest between requests for as long as they like: a client must not meet one that closes at that moment.
server.keepAliveTimeout = 0;
server.listen(Number(process.env.PORT), '127.0.0.1', () => console.log('ready'));
