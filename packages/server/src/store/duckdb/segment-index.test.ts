import { mkdtemp, readdir, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { planSchema } from '../../query/plan.ts';
import type { Store, StoredLine } from '../store.ts';
import { openDuckDbStore } from './duckdb-store.ts';

const NOW = Date.parse('2026-11-21T09:32:00.000Z');
let directory: string;
let store: Store;
let sequence: number;

const open = (fanIn: number): Promise<Store> =>
  openDuckDbStore({ directory, threads: 1, memoryLimit: '256MB', clock: () => NOW, merge: { fanIn, quietMs: 0 } });

function line(event: Readonly<Record<string, unknown>>): StoredLine {
  sequence += 1;
  const timestampMs = NOW - 1_000 - sequence;
  const whole = { event_id: `0mb1x9k3fqz7a-${sequence}`, timestamp: new Date(timestampMs).toISOString(), ...event };
  return { line: JSON.stringify(whole), timestampMs };
}

async function commitOne(event: Readonly<Record<string, unknown>>): Promise<void> {
  await store.insert([line(event)]);
  await store.commit({ position: String(sequence), ledger: null });
}

async function find(where: string): Promise<number> {
  return (await store.query(planSchema.parse({ from: '-1h', where }))).rows.length;
}

async function filesOf(ending: string): Promise<string[]> {
  const names = await readdir(join(directory, 'segments'), { recursive: true });
  return names.filter((name) => name.endsWith(ending)).map((name) => join(directory, 'segments', name));
}

beforeEach(async () => {
  sequence = 0;
  directory = await mkdtemp(join(tmpdir(), 'tailrace-index-'));
  store = await open(100);
});

afterEach(async () => {
  await store.close();
  await rm(directory, { recursive: true, force: true });
});

it('a text is found in each field, in segments with an index and in what has none yet', async () => {
  await commitOne({ message: 'giraffe' });
  await commitOne({ 'error.message': 'a giraffe came' });
  await commitOne({ animal: { name: 'Giraffe' } });
  await commitOne({ message: 'zebra' });
  await store.insert([line({ message: 'giraffe' })]);
  expect(await find('giraffe')).toBe(4);
  expect(await find('raff')).toBe(4);
  expect(await find('"gir*fe"')).toBe(0);
  expect(await find('gir*fe')).toBe(4);
  expect(await find('NOT giraffe')).toBe(1);
  expect(await find('zebra OR giraffe')).toBe(5);
  expect(await find('zebra giraffe')).toBe(0);
  expect(await find('elephant')).toBe(0);
});

it('a missing or broken index hides nothing', async () => {
  for (let i = 0; i < 3; i += 1) await commitOne({ message: 'giraffe' });
  await store.close();
  const [first = '', second = '', third = ''] = await filesOf('.index');
  await rm(first);
  await truncate(second, 200);
  await writeFile(third, 'no index\n');
  store = await open(100);
  expect(await find('giraffe')).toBe(3);
  expect(await find('zebra')).toBe(0);
  expect(store.stats().quarantined).toEqual([]);
});

it('a merged segment has the index of its parts, and theirs are gone', async () => {
  for (const animal of ['giraffe', 'zebra', 'elephant']) await commitOne({ message: animal });
  await store.close();
  store = await open(3);
  while (store.stats().segments > 1) await new Promise((resolve) => setTimeout(resolve, 10));
  await store.close();
  store = await open(100);
  const [segment = '', ...others] = await filesOf('.parquet');
  expect(others).toEqual([]);
  expect(await filesOf('.index')).toEqual([segment.replace('.parquet', '.index')]);
  for (const animal of ['giraffe', 'zebra', 'elephant']) expect(await find(animal)).toBe(1);
  expect(await find('lion')).toBe(0);
});

it('a segment that could not be read takes its index along', async () => {
  await commitOne({ message: 'giraffe' });
  await store.close();
  const [segment = ''] = await filesOf('.parquet');
  await truncate(segment, 100);
  store = await open(100);
  expect(store.stats().quarantined).toHaveLength(1);
  expect(await filesOf('.index')).toEqual([]);
});
