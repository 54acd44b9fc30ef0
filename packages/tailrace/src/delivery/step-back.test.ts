import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { createTailrace } from '../index.ts';
import { fileSink } from '../sinks/index.ts';

/** The nice value of each thread of this process: field 19 of `stat`, see proc_pid_stat(5). */
function niceValues(): Map<string, number> {
  const values = new Map<string, number>();
  for (const thread of readdirSync('/proc/self/task')) {
    const text = readFileSync(`/proc/self/task/${thread}/stat`, 'utf8');
    values.set(thread, Number(text.slice(text.lastIndexOf(')') + 2).split(' ')[16]));
  }
  return values;
}

it.skipIf(process.platform !== 'linux')('lets the threads that were there go first', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tailrace-priority-'));
  const before = niceValues();
  const own = before.get(String(process.pid)) ?? 0;
  const tailrace = createTailrace({
    dataDir: folder,
    routes: [{ name: 'file', sinks: [fileSink({ path: join(folder, 'log.ndjson') })] }],
  });
  try {
    tailrace.log.info('one');
    expect(await tailrace.flush(20_000)).toBe(true);
    const after = niceValues();
    const later = [...after].filter(([thread]) => !before.has(thread)).map(([, nice]) => nice);
    expect(later).toContain(own + 5);
    for (const [thread, nice] of before) if (after.has(thread)) expect(after.get(thread)).toBe(nice);
  } finally {
    await tailrace.close();
    await rm(folder, { recursive: true, force: true });
  }
});
