import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { claimSpool, openSpool } from '../spool/index.ts';
import { Adoption } from './adoption.ts';
import { createClock } from './clock.ts';
import type { SpoolSource } from './engine.ts';
import { ReportDesk } from './report-desk.ts';

const SEVERAL_SIGNS_OF_LIFE_MS = 30_000;

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tailrace-adoption-'));
});

afterEach(async () => {
  vi.useRealTimers();
  await rm(folder, { recursive: true, force: true });
});

test('a spool that was delivered and removed does not come back with the next sign of life of its claim', async () => {
  const directory = join(folder, 'producer1');
  const outcome = claimSpool(directory);
  openSpool({ directory }).close();
  if (outcome.kind !== 'held') outcome.claim.release();
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });

  const clock = createClock(true);
  const adopted = new Promise<SpoolSource>((resolve) => {
    const adoption = new Adoption({
      spoolRoot: folder,
      ownDirectory: join(folder, 'producer2'),
      routes: ['tailrace'],
      deliver: (spool) => void adoption.stop().then(() => resolve(spool)),
      draftLastLine: undefined,
      clock,
      desk: new ReportDesk(() => {}, clock),
    });
  });
  const spool = await adopted;
  const reader = await spool.openReader('tailrace');
  await reader.close();
  await spool.end(true);
  expect(existsSync(directory)).toBe(false);
  vi.advanceTimersByTime(SEVERAL_SIGNS_OF_LIFE_MS);
  expect(existsSync(directory)).toBe(false);
});
