/** Fills an embedded store so that every way of keeping an event is met: a search must mean the same in all. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, vi } from 'vitest';
import { planSchema } from '../../query/plan.ts';
import type { Store, StoredLine } from '../store.ts';
import { ATTRIBUTES } from './generated.ts';

/**
 * Merged segments whose promoted columns hold strings (hour 06), numbers (07) and JSON (08), segments without any (09), and
 * events that are in no segment yet.
 */
export async function fillMixedStore(store: Store, lines: readonly StoredLine[], directory: string): Promise<void> {
  await store.query(planSchema.parse({ groupBy: ATTRIBUTES.slice(0, 8) }));
  const third = Math.ceil(lines.length / 3);
  for (const part of [lines.slice(0, third), lines.slice(third, 2 * third)]) {
    await store.insert(part);
    await store.commit({ position: 'part', ledger: null });
  }
  await store.insert(lines.slice(2 * third));
  await vi.waitUntil(() => store.stats().segments === 5, { timeout: 30_000 });
  expect(await promotedKinds(directory)).toEqual(new Set(['string', 'number', 'json']));
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
