/** A program that logs and has nothing left to do; its data folder is the first argument. */
import { consoleSink, createTailrace } from 'tailrace';

const tailrace = createTailrace({
  service: 'child',
  dataDir: process.argv[2] ?? '',
  sampling: { normalRate: 1 },
  routes: [{ name: 'console', sinks: [consoleSink()] }],
});
tailrace.run({ route: '/hello' }, () => {});
