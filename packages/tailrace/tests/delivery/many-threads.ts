/** A process whose threads, or whose cluster's workers, each have a Tailrace of their own. */
import cluster from 'node:cluster';
import { isMainThread, Worker, workerData } from 'node:worker_threads';
import { createTailrace, tailraceSink } from '../../src/index.ts';

const [mode = '', dataDir = '', url = '', count = '4', events = '200'] = process.argv.slice(2);

async function work(name: string): Promise<void> {
  const tailrace = createTailrace({
    service: name,
    dataDir,
    sampling: { normalRate: 1 },
    routes: [{ name: 'server', sinks: [tailraceSink({ url })], batchLines: 50, batchWaitMs: 10 }],
  });
  for (let i = 0; i < Number(events); i += 1) {
    await tailrace.run({ route: '/work', number: i }, () => new Promise((resolve) => setImmediate(resolve)));
  }
  await tailrace.close(30_000);
}

if (mode === 'threads' && isMainThread) {
  const register = new URL('../../../../scripts/source/register.js', import.meta.url).href;
  const loader = `import(${JSON.stringify(register)}).then(() => import(${JSON.stringify(import.meta.url)}))`;
  for (let i = 0; i < Number(count); i += 1) {
    new Worker(loader, { eval: true, workerData: `thread-${i}`, argv: process.argv.slice(2) });
  }
  await work('main');
} else if (mode === 'threads') {
  await work(String(workerData));
} else if (cluster.isPrimary) {
  for (let i = 0; i < Number(count); i += 1) cluster.fork({ WORKER_NAME: `worker-${i}` });
  await work('primary');
} else {
  await work(process.env.WORKER_NAME ?? 'unnamed');
  cluster.worker?.disconnect();
}
