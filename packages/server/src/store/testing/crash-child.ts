/**
 * A writer that is killed without warning: opens the store, says what it found, then inserts and commits in a loop, and says
 * each time what was confirmed. Its events are numbered, and the checkpoint holds the last number.
 *
 *   crash-child.ts <directory> <milliseconds since 1970> <bytes to keep> [renames]
 *
 * With a number of renames it kills itself right after that many files have taken their place: between two steps of a commit,
 * merge or retirement that lie too close together to be hit from outside.
 */
import files from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { planSchema } from '../../query/plan.ts';
import { openDuckDbStore } from '../duckdb/duckdb-store.ts';

const [directory = '', now = '', maxBytes = '', renames = ''] = process.argv.slice(2);
const nowMs = Number(now);
const HOUR_MS = 3_600_000;
const BATCH = 40;

const say = (message: object): void => {
  process.stdout.write(`${JSON.stringify(message)}\n`);
};

if (renames !== '') {
  const { rename } = files;
  let left = Number(renames);
  files.rename = async (from, to) => {
    await rename(from, to);
    left -= 1;
    if (left === 0) process.kill(process.pid, 'SIGKILL');
  };
  syncBuiltinESMExports();
}

const store = await openDuckDbStore({
  directory,
  threads: 1,
  clock: () => nowMs,
  merge: { fanIn: 3, maxRows: 2_000, quietMs: 0 },
  retention: { maxBytes: Number(maxBytes) },
});
const committed = Number(store.checkpoint?.position ?? 0);
const plan = planSchema.parse({
  from: '-1d',
  aggregates: [{ fn: 'count' }, { fn: 'distinct', field: 'event_id' }, { fn: 'max', field: 'n' }],
});
for (;;) {
  const retired = store.stats().retired.events;
  const [row] = (await store.query(plan)).rows;
  // Retirement goes on meanwhile: both numbers must be of one moment.
  if (store.stats().retired.events !== retired) continue;
  say({ kind: 'opened', committed, ...row, retired, quarantined: store.stats().quarantined.length });
  break;
}

for (let n = committed; ; ) {
  for (let batch = 0; batch < 3; batch += 1) {
    const lines = Array.from({ length: BATCH }, () => {
      n += 1;
      // Most are from now; some come hours late.
      const timestampMs = nowMs - 1_000 - (n % 10 === 0 ? ((n / 10) % 3) * HOUR_MS : 0);
      const event = {
        event_id: `0mb1x9k3fqz7a-${n}`,
        timestamp: new Date(timestampMs).toISOString(),
        service: 's',
        'sampling.rule': n % 4 === 0 ? 'HAS_ERROR' : 'SAMPLED_NORMAL',
        'sampling.rate': 1,
        n,
      };
      return { line: JSON.stringify(event), timestampMs };
    });
    await store.insert(lines);
  }
  await store.commit({ position: String(n), ledger: null });
  say({ kind: 'committed', committed: n });
}
