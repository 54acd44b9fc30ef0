/**
 * The application of `five-routes.ts`: logs at a steady pace over five routes, four of them in trouble. It prints a line
 * of figures each second, and at its end its ledger.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { createTailrace, functionSink, tailraceSink } from 'tailrace';

const [dataDir = '', url = '', seconds = '0', linesPerSecond = '0', maxBytes = '0'] = process.argv.slice(2);
const PACE_MS = 10;
const SLOW_MS = 1000;

const throwing = functionSink(
  () => {
    throw new Error('as always');
  },
  { name: 'throwing' },
);
const slow = functionSink(
  async () => {
    await sleep(SLOW_MS);
  },
  { name: 'slow' },
);
const tailrace = createTailrace({
  service: 'five-routes',
  dataDir,
  spool: { maxBytes: Number(maxBytes) },
  routes: [
    { name: 'hang', sinks: [tailraceSink({ url: `${url}/hang`, name: 'hang' })] },
    { name: 'error', sinks: [tailraceSink({ url: `${url}/error`, name: 'error' })] },
    { name: 'throw', sinks: [throwing] },
    { name: 'slow', sinks: [slow] },
    { name: 'fine', sinks: [tailraceSink({ url: `${url}/fine`, name: 'fine' })] },
  ],
  onNotice: ({ code, message }) => print({ kind: 'notice', code, message }),
});

function print(message: Readonly<Record<string, unknown>>): void {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

const startedAt = performance.now();
const endsAt = startedAt + Number(seconds) * 1000;
let logged = 0;
let longestTurnMs = 0;
const figures = setInterval(() => {
  const { rss, heapUsed, external } = process.memoryUsage();
  print({ kind: 'figures', logged, rss, heapUsed, external, longestTurnMs: Math.round(longestTurnMs * 10) / 10 });
  longestTurnMs = 0;
}, 1000);

while (performance.now() < endsAt) {
  const turnAt = performance.now();
  const due = Math.floor(((turnAt - startedAt) / 1000) * Number(linesPerSecond));
  for (; logged < due; logged += 1) {
    tailrace.log.info('a line among many', 'load', {
      'order.id': logged,
      customer: `c-${logged % 1000}`,
      amount: 12.5,
    });
  }
  longestTurnMs = Math.max(longestTurnMs, performance.now() - turnAt);
  await sleep(PACE_MS);
}
await tailrace.flush(5000);
clearInterval(figures);
const { routes, spool } = await tailrace.stats();
print({ kind: 'end', producer: tailrace.producer, logged, routes, spool, ledger: tailrace.ledger() });
// What the troubled routes have left stays in the spool.
process.exit(0);
