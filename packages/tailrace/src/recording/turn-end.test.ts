/** When the events of finished scopes are on disk. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { createTailrace, functionSink, type TailraceEvent } from '../index.ts';
import { collectEvents } from '../testing/index.ts';

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

/** What the application gave, below whatever name it stands. */
function attributesOf(event: TailraceEvent | undefined): object {
  return Object.fromEntries(Object.entries(event ?? {}).filter(([key]) => /^[abc](?:$|[._])/.test(key)));
}

/** Puts something else into a value and all that it holds. */
function change(value: unknown): void {
  if (value instanceof Date) value.setTime(1);
  else if (typeof value === 'object' && value !== null) {
    for (const [key, below] of Object.entries(value)) {
      change(below);
      Reflect.set(value, key, 'changed');
    }
    Reflect.set(value, Array.isArray(value) ? value.length : 'added', 'changed');
  }
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

test('an event tells of a step that still ran when its scope ended, and not of how that ended in the same turn', async () => {
  const { tailrace, onDisk } = open();
  let finish = () => {};
  tailrace.run({ route: '/a' }, () => {
    void tailrace.step('late', () => new Promise<void>((resolve) => (finish = resolve)));
  });
  finish();
  await nextTurn();
  expect(onDisk()[0]?.steps).toMatchObject([{ name: 'late', outcome: 'error', code: 'UNFINISHED' }]);
});

test('whatever becomes of its values in the same turn, an event tells what they were when its scope ended', async () => {
  const { tailrace, onDisk } = open();
  const atOnce = collectEvents();
  const values = fc.dictionary(fc.constantFrom('a', 'b', 'c'), fc.anything({ withDate: true, maxDepth: 3 }));
  await fc.assert(
    fc.asyncProperty(values, async (given) => {
      atOnce.tailrace.run({ route: '/a', ...structuredClone(given) }, () => {});
      tailrace.run({ route: '/a', ...given }, () => {});
      for (const value of Object.values(given)) change(value);
      await nextTurn();
      expect(attributesOf(onDisk().at(-1))).toEqual(attributesOf(atOnce.events.at(-1)));
    }),
  );
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
