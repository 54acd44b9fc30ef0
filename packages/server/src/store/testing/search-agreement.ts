/** A search in a filled store finds what the same search finds in JavaScript, and nothing in it is ever more than text. */
import fc from 'fast-check';
import { expect } from 'vitest';
import { matchesSearch } from '../../query/match.ts';
import { planSchema } from '../../query/plan.ts';
import { parseSearch } from '../../query/search.ts';
import type { Store } from '../store.ts';
import { type Event, generatedSearch, NOW } from './generated.ts';

/** Searches that would do something else in a store that took a part of them for its own language. */
export const INJECTIONS = [
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
  `service:"$ne"`,
  `service:"{\\"$ne\\": null}"`,
  `"$where":"1 == 1"`,
  `"$or":*`,
  `"service.$ne":*`,
  `message:"$message"`,
  `message:>"$$ROOT"`,
  `"$message":"$message"`,
  `"$$ROOT":*`,
  `"\0":*`,
  `"a\0b":x`,
  `service:"pay\0ments"`,
  `"tags.0":*`,
  `"__proto__":*`,
  `"constructor":*`,
  `service:.*`,
  `service:(payments|gateway)*`,
  `service:^pay*`,
  `"(?i)PAYMENTS":*`,
  `{service:String}`,
  `service:"{p0:String}"`,
  `"a\`b":*`,
] as const;

export async function checkRoundTrip(store: Store, events: readonly Event[]): Promise<void> {
  const answer = await store.query(planSchema.parse({ from: '-1d', limit: 10_000 }));
  const byId = new Map(answer.rows.map((row) => [row.event_id, row]));
  expect(answer.rows).toHaveLength(events.length);
  for (const event of events) expect(byId.get(event.event_id)).toEqual(event);
}

export async function checkSearches(store: Store, events: readonly Event[], runs: number): Promise<void> {
  let hits = 0;
  await fc.assert(
    fc.asyncProperty(generatedSearch, async (where) => {
      const expected = expectedIds(where, events);
      hits += expected.length > 0 && expected.length < events.length ? 1 : 0;
      expect(await foundIds(store, where)).toEqual(expected);
    }),
    { numRuns: runs },
  );
  expect(hits).toBeGreaterThan(runs / 3);
}

export async function checkInjection(store: Store, events: readonly Event[], where: string): Promise<void> {
  expect(await foundIds(store, where)).toEqual(expectedIds(where, events));
  expect(await foundIds(store, '')).toHaveLength(events.length);
}

function expectedIds(where: string, events: readonly Event[]): string[] {
  const node = parseSearch(where, NOW);
  return events
    .filter((event) => matchesSearch(node, event))
    .map((event) => String(event.event_id))
    .sort();
}

async function foundIds(store: Store, where: string): Promise<string[]> {
  const answer = await store.query(planSchema.parse({ from: '-1d', where, limit: 10_000 }));
  return answer.rows.map((row) => String(row.event_id)).sort();
}
