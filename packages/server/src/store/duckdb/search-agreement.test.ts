import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { matchesSearch } from '../../query/match.ts';
import { planSchema } from '../../query/plan.ts';
import { parseSearch } from '../../query/search.ts';
import type { Store } from '../store.ts';
import { type Event, generatedSearch, NOW } from '../testing/generated.ts';
import { openMixedStore } from '../testing/mixed-store.ts';

const RUNS = process.env.TAILRACE_TEST_THOROUGH === '1' ? 1_000 : 150;

let directory: string;
let store: Store;
let events: readonly Event[];

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tailrace-search-'));
  ({ store, events } = await openMixedStore(directory, 1, 400));
});

afterAll(async () => {
  await store.close();
  await rm(directory, { recursive: true, force: true });
});

async function search(where: string): Promise<string[]> {
  const answer = await store.query(planSchema.parse({ from: '-1d', where, limit: 10_000 }));
  return answer.rows.map((row) => String(row.event_id)).sort();
}

describe('a search in the store', () => {
  it('gives every event back as it was', async () => {
    const answer = await store.query(planSchema.parse({ from: '-1d', limit: 10_000 }));
    const byId = new Map(answer.rows.map((row) => [row.event_id, row]));
    for (const event of events) expect(byId.get(event.event_id)).toEqual(event);
  });

  it('finds what the same search finds in JavaScript', async () => {
    let hits = 0;
    await fc.assert(
      fc.asyncProperty(generatedSearch, async (where) => {
        const node = parseSearch(where, NOW);
        const expected = events.filter((event) => matchesSearch(node, event)).map((event) => String(event.event_id));
        hits += expected.length > 0 && expected.length < events.length ? 1 : 0;
        expect(await search(where)).toEqual(expected.sort());
      }),
      { numRuns: RUNS },
    );
    expect(hits).toBeGreaterThan(RUNS / 3);
  }, 120_000);

  it.each([
    `'; DROP TABLE hot_1; --`,
    `service:"x' OR '1'='1"`,
    `"a' OR 1=1 --":*`,
    `"a')::VARCHAR, (SELECT 1)) --":x`,
    `service:x;SELECT/**/1`,
    `"\\"":1`,
    `$1`,
    `service:$1`,
    `"$.*":x`,
    `%`,
    `service:%`,
    `service:_ayments`,
    `x:\\`,
  ])('takes %s as nothing but text', async (where) => {
    const node = parseSearch(where, NOW);
    const expected = events.filter((event) => matchesSearch(node, event)).map((event) => String(event.event_id));
    expect(await search(where)).toEqual(expected.sort());
    expect(await search('')).toHaveLength(events.length);
  });
});
