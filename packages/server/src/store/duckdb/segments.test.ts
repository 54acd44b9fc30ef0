import { mkdtemp, open as openFile, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type PlanInput, planSchema } from '../../query/plan.ts';
import type { Store, StoredLine } from '../store.ts';
import { openDuckDbStore } from './duckdb-store.ts';
import { chooseMerge } from './merge-segments.ts';

const NOW = Date.parse('2026-11-21T09:32:00.000Z');
const HOUR_MS = 3_600_000;
let directory: string;
let store: Store;

const open = (fanIn = 100, clock = () => NOW): Promise<Store> =>
  openDuckDbStore({ directory, threads: 1, memoryLimit: '256MB', clock, merge: { fanIn, quietMs: 0 } });
const query = (plan: PlanInput) => store.query(planSchema.parse({ from: '1971-01-01', to: '2100-01-01', ...plan }));

function lines(from: number, count: number, timestampMs = NOW - 1_000): StoredLine[] {
  return Array.from({ length: count }, (_, i) => {
    const event = {
      event_id: `0mb1x9k3fqz7a-${from + i}`,
      timestamp: new Date(timestampMs).toISOString(),
      service: 's',
      n: from + i,
    };
    return { line: JSON.stringify(event), timestampMs };
  });
}

async function countEvents(): Promise<unknown> {
  const answer = await query({ aggregates: [{ fn: 'count' }, { fn: 'distinct', field: 'n' }] });
  return answer.rows[0];
}

const commit = (position: string): Promise<void> => store.commit({ position, ledger: null });

async function segmentFiles(): Promise<string[]> {
  const names = await readdir(join(directory, 'segments'), { recursive: true });
  return names.filter((name) => name.endsWith('.parquet')).sort();
}

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tailrace-segments-'));
  store = await open();
});

afterEach(async () => {
  await store.close();
  await rm(directory, { recursive: true, force: true });
});

describe('segments', () => {
  it('lie in folders by date and hour of the event', async () => {
    await store.insert([...lines(1, 5), ...lines(6, 5, NOW - HOUR_MS)]);
    await commit('a');
    expect((await segmentFiles()).map((name) => name.slice(0, name.lastIndexOf('/')))).toEqual([
      'date=2026-11-21/hour=08',
      'date=2026-11-21/hour=09',
    ]);
  });

  it('of a clock gone wild share a file instead of making thousands of folders', async () => {
    const wild = Array.from({ length: 300 }, (_, i) => lines(i + 1, 1, NOW - i * 1_000 * HOUR_MS)).flat();
    await store.insert([...wild, ...lines(301, 1, Date.parse('1970-01-01T00:00:00.000Z'))]);
    await commit('a');
    expect((await segmentFiles()).length).toBeLessThanOrEqual(2);
    expect(await countEvents()).toEqual({ count: 300, distinct_n: 300 });
    const answer = await store.query(planSchema.parse({ from: '1969-12-31', to: '1970-01-02' }));
    expect(answer.rows).toHaveLength(1);
  });

  it('can be opened by any DuckDB', async () => {
    await store.insert(lines(1, 3));
    await commit('a');
    const { DuckDBInstance } = await import('@duckdb/node-api');
    const instance = await DuckDBInstance.create(':memory:');
    const connection = await instance.connect();
    const reader = await connection.runAndReadAll(
      `SELECT date, hour, service, attributes->>'$.n' AS n FROM '${directory}/segments/**/*.parquet' ORDER BY n`,
    );
    expect(reader.getRowObjectsJson()).toEqual(
      ['1', '2', '3'].map((n) => ({ date: '2026-11-21', hour: expect.anything(), service: 's', n })),
    );
    instance.closeSync();
  });
});

describe('merging', () => {
  it('makes one of many small segments, while queries go on seeing each event once', async () => {
    await store.close();
    store = await open(4);
    const asked = new AbortController();
    const asking = (async () => {
      let last = 0;
      while (!asked.signal.aborted) {
        const row = await countEvents();
        const count = Number((row as { count: number }).count);
        expect(row).toEqual({ count, distinct_n: count });
        expect(count).toBeGreaterThanOrEqual(last);
        last = count;
      }
    })();
    for (let part = 0; part < 16; part += 1) {
      await store.insert(lines(part * 10 + 1, 10));
      await commit(String(part));
    }
    await expect.poll(async () => store.stats().segments, { timeout: 20_000 }).toBeLessThanOrEqual(4);
    asked.abort();
    await asking;
    expect(await countEvents()).toEqual({ count: 160, distinct_n: 160 });
    // The merged ones are gone once nobody reads them.
    await expect.poll(async () => (await segmentFiles()).length).toBe(store.stats().segments);
    await store.close();
    store = await open();
    expect(store.checkpoint?.position).toBe('15');
    expect(await countEvents()).toEqual({ count: 160, distinct_n: 160 });
  });

  it('takes segments of like size, within its limits, and all of an hour that is past', () => {
    const segment = (name: string, rows: number, hour = '09') => ({
      path: `segments/date=2026-11-21/hour=${hour}/${name}.parquet`,
      rows,
      bytes: rows * 100,
      minMs: 0,
      maxMs: 0,
      sampled: 0,
    });
    const limits = { fanIn: 3, maxRows: 1_000, maxBytes: 1_000_000, quietMs: 0 };
    const names = (segments: readonly { path: string }[] | undefined) =>
      segments?.map(({ path }) => path.slice(-9, -8));
    expect(chooseMerge([segment('a', 10), segment('b', 100)], NOW, limits)).toBeUndefined();
    expect(
      names(chooseMerge([segment('a', 10), segment('b', 12), segment('c', 20), segment('d', 400)], NOW, limits)),
    ).toEqual(['a', 'b', 'c']);
    expect(chooseMerge([segment('a', 400), segment('b', 400), segment('c', 400)], NOW, limits)).toBeUndefined();
    expect(names(chooseMerge([segment('a', 10, '07'), segment('b', 400, '07')], NOW, limits))).toEqual(['a', 'b']);
    expect(chooseMerge([segment('a', 600, '07'), segment('b', 400, '07')], NOW, limits)).toBeUndefined();
  });
});

describe('a segment that cannot be read', () => {
  async function twoHours(): Promise<string> {
    await store.insert(lines(1, 5_000, NOW - HOUR_MS));
    await commit('a');
    await store.insert(lines(5_001, 10));
    await commit('b');
    const [older = ''] = await segmentFiles();
    return join(directory, 'segments', older);
  }

  const damages: readonly (readonly [string, (path: string) => Promise<void>])[] = [
    ['is cut short', (path) => truncate(path, 100)],
    ['is missing', (path) => rm(path)],
    ['is empty', (path) => writeFile(path, '')],
    [
      'has a hole in its data',
      async (path) => {
        const { size } = await stat(path);
        const file = await openFile(path, 'r+');
        await file.write(Buffer.alloc(Math.floor(size / 2), 0xa5), 0, Math.floor(size / 2), 4);
        await file.close();
      },
    ],
  ];

  it.each(damages)('because it %s is set aside, and the rest is answered with a warning', async (_name, damage) => {
    await damage(await twoHours());
    const answer = await query({
      aggregates: [{ fn: 'count' }, { fn: 'max', field: 'n' }, { fn: 'distinct', field: 'event_id' }],
    });
    expect(answer.rows).toEqual([{ count: 10, max_n: 5_010, distinct_event_id: 10 }]);
    expect(answer.meta.warnings).toEqual([
      expect.stringMatching(/^5000 events are missing: .*hour=08.* could not be read/),
    ]);
    expect(store.stats().quarantined).toHaveLength(1);
    await store.close();
    store = await open();
    expect(store.stats().quarantined).toHaveLength(1);
    expect(store.checkpoint?.position).toBe('b');
    // An answer that the segment had no part in says nothing about it.
    const recent = await query({ from: new Date(NOW - 2_000).toISOString() });
    expect(recent.meta.warnings).toEqual([]);
  });

  it('is noticed at the start, before any query', async () => {
    const path = await twoHours();
    await store.close();
    await truncate(path, 100);
    store = await open();
    expect(store.stats()).toMatchObject({
      events: 10,
      quarantined: [{ reason: expect.stringContaining('100 bytes instead of') }],
    });
    expect(await readdir(join(directory, 'quarantine'))).toHaveLength(1);
  });
});

describe('the folder of a store', () => {
  it('has one user at a time', async () => {
    await expect(open()).rejects.toThrow(/is in use by this process/);
    await store.close();
    store = await open();
  });

  it('is not opened where its manifest is broken: empty would look healthy', async () => {
    await store.insert(lines(1, 1));
    await commit('a');
    await store.close();
    const path = join(directory, 'manifest.json');
    const whole = await readFile(path, 'utf8');
    await writeFile(path, whole.slice(0, 20));
    await expect(open()).rejects.toThrow(/manifest\.json can't be read/);
    await writeFile(path, whole);
    store = await open();
    expect(await countEvents()).toEqual({ count: 1, distinct_n: 1 });
  });

  it('is freed of what a crash left unfinished', async () => {
    await store.insert(lines(1, 1));
    await commit('a');
    await store.close();
    const [known = ''] = await segmentFiles();
    await writeFile(join(directory, 'segments', known.replace(/[^/]*$/, 'orphan.parquet')), 'PAR1');
    await writeFile(join(directory, 'tmp', 'half'), 'x');
    store = await open();
    expect(await segmentFiles()).toEqual([known]);
    expect(await readdir(join(directory, 'tmp'))).toEqual([]);
  });
});
