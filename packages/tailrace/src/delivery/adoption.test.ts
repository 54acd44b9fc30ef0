import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { claimSpool, openSpool } from '../spool/index.ts';
import { Adoption } from './adoption.ts';
import { type Clock, createClock } from './clock.ts';
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

test('many spools are adopted one after the other, few at once, and one that can not be holds up no other', async () => {
  const SPOOLS = 40;
  const names = Array.from({ length: SPOOLS }, (_, i) => `producer${String(i).padStart(2, '0')}`);
  for (const name of names) {
    const directory = join(folder, name);
    const outcome = claimSpool(directory);
    openSpool({ directory }).close();
    if (outcome.kind !== 'held') outcome.claim.release();
  }
  await rm(join(folder, 'producer05', 'cursors'), { recursive: true, force: true });
  await writeFile(join(folder, 'producer05', 'cursors'), 'no folder');
  // What waits for a time waits for ever here: a place that is free is the only reason to go on.
  const standing: Clock = { now: () => 0, after: () => () => {} };
  const notices: string[] = [];
  const adopted: string[] = [];
  const underWay = new Set<SpoolSource>();
  let most = 0;
  const endAll = () => {
    for (const spool of underWay) {
      underWay.delete(spool);
      void spool.end(true);
    }
  };
  const adoption = new Adoption({
    spoolRoot: folder,
    ownDirectory: join(folder, 'own'),
    routes: ['tailrace'],
    deliver: (spool) => {
      adopted.push(spool.name);
      underWay.add(spool);
      most = Math.max(most, underWay.size);
      if (underWay.size === 8 || adopted.length === SPOOLS - 1) setTimeout(endAll, 50);
    },
    draftLastLine: undefined,
    clock: standing,
    desk: new ReportDesk((report) => report.kind === 'notice' && notices.push(report.message), standing),
  });
  const able = names.filter((name) => name !== 'producer05').map((name) => join(folder, name));
  await vi.waitFor(() => expect(adopted).toEqual(able), { timeout: 20_000 });
  await vi.waitFor(() => expect(able.filter((directory) => existsSync(directory))).toEqual([]), { timeout: 20_000 });
  await adoption.stop();
  expect(most).toBe(8);
  expect(notices).toEqual([expect.stringContaining("producer05 of a dead process can't be adopted")]);
});
