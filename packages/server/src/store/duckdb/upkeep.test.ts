import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Database } from './database.ts';
import { openDuckDbStore } from './duckdb-store.ts';
import { SegmentIndexes } from './segment-index.ts';
import { SegmentSet } from './segment-set.ts';
import { takeTurns } from './turns.ts';
import { Upkeep } from './upkeep.ts';

const NOW = Date.parse('2026-11-21T09:32:00.000Z');
let directory: string;

beforeEach(async () => {
  directory = await realpath(await mkdtemp(join(tmpdir(), 'tailrace-upkeep-')));
});

afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

it('a merge that found no memory is tried again later, and takes nothing away meanwhile', async () => {
  const store = await openDuckDbStore({ directory, threads: 1, clock: () => NOW, merge: { fanIn: 100 } });
  for (let n = 1; n <= 4; n += 1) {
    const event = { event_id: `0mb1x9k3fqz7a-${n}`, timestamp: new Date(NOW - 1_000).toISOString(), service: 's' };
    await store.insert([{ line: JSON.stringify(event), timestampMs: NOW - 1_000 }]);
    await store.commit({ position: String(n), ledger: null });
  }
  await store.close();

  const segments = await SegmentSet.open(directory);
  const database = await Database.open({ directory, memoryLimit: '256MB', threads: 1 });
  const withConnection = database.with.bind(database);
  database.with = () => Promise.reject(new Error('Out of Memory Error: failed to allocate data of size 32.0 KiB'));
  let nowMs = NOW;
  const forever = Number.POSITIVE_INFINITY;
  const upkeep = new Upkeep({
    directory,
    database,
    segments,
    indexes: new SegmentIndexes(directory),
    merge: { fanIn: 4, maxRows: 100, maxBytes: 1e9, quietMs: 0 },
    retention: { maxAgeMs: forever, maxBytes: forever },
    clock: () => nowMs,
    writeInTurn: takeTurns(),
  });
  upkeep.wake();
  await expect.poll(() => upkeep.lastFailure).toMatch(/^Out of Memory/);
  expect(segments.segments()).toHaveLength(4);
  expect(segments.quarantined).toEqual([]);

  database.with = withConnection;
  await expect
    .poll(() => {
      // It says why it failed a moment before it begins its pause.
      nowMs += 60_000;
      upkeep.wake();
      return segments.segments().length;
    })
    .toBe(1);
  await upkeep.stop();
  expect(upkeep.lastFailure).toBeUndefined();
  await segments.settled();
  await database.close();
});
