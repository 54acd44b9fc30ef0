/** Free text in attributes, character by character: what is looked for there is a pattern, and nothing in it may be one. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { matchesSearch } from '../../query/match.ts';
import { planSchema } from '../../query/plan.ts';
import { parseSearch } from '../../query/search.ts';
import type { Store } from '../store.ts';
import { openDuckDbStore } from './duckdb-store.ts';

const NOW = Date.parse('2026-11-21T09:32:00.000Z');
const CHARACTERS = Array.from({ length: 95 }, (_, i) => String.fromCharCode(32 + i));
/** In lower case: k, i with a dot of its own or without, å, σ, ß. */
const FOLDED = ['\u212a', '\u0130', '\u0131', '\u212b', '\u03a3', '\u1e9e', '\u017f'];
const events = [...CHARACTERS, ...FOLDED].map((character, i) => ({
  schema: 'tailrace/event/v1',
  event_id: `0mb1x9k3fqz7a-${i + 1}`,
  timestamp: new Date(NOW - 60_000).toISOString(),
  level: 'info',
  service: '0',
  'sampling.rule': '0',
  'sampling.rate': 1,
  0: `0${character}0`,
}));
let directory: string;
let store: Store;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tailrace-store-'));
  store = await openDuckDbStore({ directory, threads: 1, memoryLimit: '256MB', clock: () => NOW });
  await store.insert(events.map((event) => ({ line: JSON.stringify(event), timestampMs: NOW - 60_000 })));
});

afterAll(async () => {
  await store.close();
  await rm(directory, { recursive: true, force: true });
});

it('finds each character where it stands, in either case, and nowhere else', async () => {
  const texts = [...CHARACTERS, ...FOLDED].flatMap((one) => [`0${one}0`, `0${one.toLowerCase()}0`, `${one}0`]);
  for (const text of new Set([...texts, '.*', '[a-z]', '(?i)', `0k0${'x'.repeat(100)}`])) {
    const where = `"${text.replaceAll(/["\\]/g, '\\$&')}"`;
    const node = parseSearch(where, NOW);
    const wanted = events.filter((event) => matchesSearch(node, event)).map((event) => event.event_id);
    const { rows } = await store.query(planSchema.parse({ from: '-1h', where, limit: 200 }));
    expect([text, rows.map((row) => row.event_id).sort()]).toEqual([text, wanted.sort()]);
  }
});
