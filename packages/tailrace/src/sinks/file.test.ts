import { mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Sink, toBatch } from '../delivery/sink.ts';
import { sinkContract } from '../delivery/sink-contract.ts';
import { createSink } from './file.ts';

let folder: string;
const notices: string[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tailrace-file-'));
});

afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

function open(options: object = {}): Sink {
  const context = { notice: (code: string) => notices.push(code) };
  return createSink({ path: join(folder, 'logs', 'events.ndjson'), ...options }, context);
}

function batchOf(...ids: readonly number[]) {
  return toBatch(ids.map((id) => Buffer.from(`{"event_id":"producer1-${id}"}`)));
}

const never = new AbortController().signal;

/** All lines of all files, oldest file first. */
async function linesOnDisk(): Promise<string[]> {
  const names = (await readdir(join(folder, 'logs'))).sort(
    (a, b) => Number(a === 'events.ndjson') - Number(b === 'events.ndjson') || a.localeCompare(b),
  );
  const lines: string[] = [];
  for (const name of names) {
    const bytes = await readFile(join(folder, 'logs', name));
    lines.push(...(name.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString().split('\n').slice(0, -1));
  }
  return lines;
}

for (const { name, run } of sinkContract({
  create: () => open({ maxBytes: 4000, gzip: false }),
  delivered: async () => (await linesOnDisk()).map((line): string => JSON.parse(line).event_id),
  breakDestination: async () => {
    await writeFile(join(folder, 'logs'), 'a file where the folder should be');
  },
  mend: () => rm(join(folder, 'logs')),
})) {
  test(`contract: ${name}`, run);
}

test('rotates by size, compresses what is old, and keeps so many files', async () => {
  const sink = open({ maxBytes: 100, maxFiles: 3 });
  for (let id = 1; id <= 40; id += 1) expect(await sink.send(batchOf(id), never)).toEqual({ kind: 'delivered' });
  await sink.close?.();
  const names = await readdir(join(folder, 'logs'));
  expect(names.filter((name) => name.endsWith('.gz'))).toHaveLength(3);
  expect(names).toHaveLength(4);
  const lines = await linesOnDisk();
  expect(lines.at(-1)).toBe('{"event_id":"producer1-40"}');
  expect(new Set(lines).size).toBe(lines.length);
  expect(notices).toEqual([]);
});

test('rotates by age', async () => {
  const sink = open({ maxAgeMs: 0, gzip: false });
  await sink.send(batchOf(1), never);
  await sink.send(batchOf(2), never);
  await sink.close?.();
  expect(await readdir(join(folder, 'logs'))).toHaveLength(2);
  expect(await linesOnDisk()).toHaveLength(2);
});

test('goes on in a new file when another process has rotated this one', async () => {
  const sink = open();
  await sink.send(batchOf(1), never);
  await rename(join(folder, 'logs', 'events.ndjson'), join(folder, 'moved.ndjson'));
  await sink.send(batchOf(2), never);
  await sink.close?.();
  expect(await linesOnDisk()).toEqual(['{"event_id":"producer1-2"}']);
});
