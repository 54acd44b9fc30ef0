/** A store for the property tests in which every way of keeping an event is met: a search must mean the same in all. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, vi } from 'vitest';
import { planSchema } from '../../query/plan.ts';
import { openDuckDbStore } from '../duckdb/duckdb-store.ts';
import type { Store } from '../store.ts';
import { ATTRIBUTES, type Event, generatedEvent, NOW, numbered } from './generated.ts';

export interface MixedStore {
  readonly store: Store;
  readonly events: readonly Event[];
}

/**
 * Merged segments whose promoted columns hold strings (hour 06), numbers (07) and JSON (08), segments without any (09), and
 * events that are in no segment yet.
 */
export async function openMixedStore(directory: string, threads: number, count: number): Promise<MixedStore> {
  const store = await openDuckDbStore({ directory, threads, clock: () => NOW, merge: { fanIn: 100 } });
  const events = numbered(fc.sample(generatedEvent, count).map(ofOneKind));
  const lines = events.map((event) => ({
    line: JSON.stringify(event),
    timestampMs: Date.parse(String(event.timestamp)),
  }));
  await store.query(planSchema.parse({ groupBy: ATTRIBUTES.slice(0, 8) }));
  const third = Math.ceil(count / 3);
  for (const part of [lines.slice(0, third), lines.slice(third, 2 * third)]) {
    await store.insert(part);
    await store.commit({ position: 'part', ledger: null });
  }
  await store.insert(lines.slice(2 * third));
  await vi.waitUntil(() => store.stats().segments === 5, { timeout: 30_000 });
  expect(await promotedKinds(directory)).toEqual(new Set(['string', 'number', 'json']));
  return { store, events };
}

/** In two of the hours an attribute holds values of one type only. */
function ofOneKind(event: Record<string, unknown>): Record<string, unknown> {
  const hour = new Date(String(event.timestamp)).getUTCHours();
  const type = { 6: 'string', 7: 'number' }[hour];
  if (type === undefined) return event;
  return Object.fromEntries(
    Object.entries(event).filter(([name, value]) => {
      const isExact =
        typeof value !== 'number' || !Number.isInteger(value) || Number.isSafeInteger(value) || Math.abs(value) >= 1e21;
      return !ATTRIBUTES.includes(name) || value === null || (typeof value === type && isExact);
    }),
  );
}

async function promotedKinds(directory: string): Promise<Set<string>> {
  const kinds = new Set<string>();
  for (const file of await readdir(join(directory, 'manifest'))) {
    const text = await readFile(join(directory, 'manifest', file), 'utf8');
    const day: { segments: { promoted?: Record<string, string> }[] } = JSON.parse(text);
    for (const { promoted = {} } of day.segments) for (const kind of Object.values(promoted)) kinds.add(kind);
  }
  return kinds;
}
