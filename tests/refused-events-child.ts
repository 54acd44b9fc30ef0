/**
 * A process that logs, and is killed by its test: with a data folder, the address of a server, and how many events. Every
 * tenth carries a mark, by which the test's server knows it for one to refuse.
 */
import { createTailrace, tailraceSink } from 'tailrace';

const [dataDir = '', url = '', events = '0'] = process.argv.slice(2);
const tailrace = createTailrace({
  service: 'shop',
  dataDir,
  routes: [{ name: 'tailrace', batchLines: 50, concurrency: 1, sinks: [tailraceSink({ url })] }],
});
for (let n = 1; n <= Number(events); n += 1) tailrace.log.error(`event ${n}`, { refuse: n % 10 === 0 });
process.stdout.write(`${tailrace.producer}\n`);
setInterval(() => {}, 1000);
