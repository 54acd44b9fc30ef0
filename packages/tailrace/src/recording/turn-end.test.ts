/** When the events of finished scopes are on disk. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { createTailrace, functionSink, type TailraceEvent } from '../index.ts';

function open() {
  const dataDir = mkdtempSync(join(tmpdir(), 'tailrace-turn-'));
  const tailrace = createTailrace({
    dataDir,
    handleExit: false,
    sampling: { normalRate: 1 },
    routes: [{ name: 'nowhere', sinks: [functionSink(() => ({ kind: 'delivered' }))] }],
  });
  onTestFinished(async () => {
    await tailrace.close();
    rmSync(dataDir, { recursive: true, force: true });
  });
  const folder = join(dataDir, 'spool', tailrace.producer);
  const onDisk = (): TailraceEvent[] =>
    readdirSync(folder)
      .filter((name) => name.endsWith('.ndjson'))
      .flatMap((name) => readFileSync(join(folder, name), 'utf8').split('\n'))
      .filter((line) => line.includes('"event_id"'))
      .map((line) => JSON.parse(line));
  return { tailrace, onDisk, routesOnDisk: () => onDisk().map(({ route }) => route) };
}

test('an ordinary event is on disk when the turn in which its scope ended is over, and not before', async () => {
  const { tailrace, routesOnDisk } = open();
  tailrace.run({ route: '/a' }, () => {});
  expect(routesOnDisk()).toEqual([]);
  await nextTurn();
  expect(routesOnDisk()).toEqual(['/a']);
});

test('an event that must not be lost is on disk when its scope has ended, with those that ended before it', () => {
  const { tailrace, routesOnDisk } = open();
  tailrace.run({ route: '/a' }, () => {});
  tailrace.run({ route: '/b', status: 500 }, () => {});
  expect(routesOnDisk()).toEqual(['/a', '/b']);
});

test('a turn that never ends is written meanwhile', () => {
  const { tailrace, routesOnDisk } = open();
  for (let i = 0; i < 2_000; i += 1) tailrace.run({ route: '/a' }, () => {});
  expect(routesOnDisk().length).toBeGreaterThan(1_000);
});

test('the ledger, asked in the same turn, counts an event that waits', () => {
  const { tailrace } = open();
  tailrace.run({ route: '/a' }, () => {});
  expect(tailrace.ledger()).toMatchObject({ emitted: 1, sequence: 1 });
});

test('an event has the time at which its scope ended', () => {
  const { tailrace, onDisk } = open();
  tailrace.run({ route: '/a' }, () => {});
  const endedBy = Date.now();
  while (Date.now() <= endedBy);
  tailrace.run({ route: '/b', status: 500 }, () => {});
  expect(Date.parse(String(onDisk()[0]?.timestamp))).toBeLessThanOrEqual(endedBy);
});
