/** What every place of dead letters must do, run against each of them. */
import fc from 'fast-check';
import type { DeadLetter } from 'tailrace/dead-letters';
import { afterEach, expect, test } from 'vitest';
import type { DeadLetterStore } from '../dead-letter-store.ts';

export interface OpenedPlace {
  readonly store: DeadLetterStore;
  /** Another one over the same place: after a restart, or in another process. */
  readonly reopen: () => Promise<DeadLetterStore>;
  readonly remove: () => Promise<void>;
}

export interface ContractOptions {
  /** False where only one process at a time may use the place. */
  readonly isShared: boolean;
  /** Programs that the property runs. */
  readonly runs: number;
}

export function letter(number: number, fields: Partial<DeadLetter> = {}): DeadLetter {
  const at = new Date(Date.parse('2026-11-21T09:00:00.000Z') + number * 1000).toISOString();
  return {
    id: `dddddddd-${number}`,
    sink: 'ingest',
    reason: 'status is "fine", and must be a whole number',
    source: 'http',
    service: 'shop',
    at,
    lastAt: at,
    attempts: 1,
    rounds: 0,
    truncated: false,
    line: Buffer.from(`{"service":"shop","status":"fine","n":${number}}`),
    ...fields,
  };
}

export async function allOf(store: DeadLetterStore): Promise<DeadLetter[]> {
  const all: DeadLetter[] = [];
  for await (const part of store.scan()) all.push(...part);
  return all;
}

const byId = (letters: readonly DeadLetter[]) => new Map(letters.map((one) => [one.id, one]));

export function deadLetterStoreContract(open: () => Promise<OpenedPlace>, { isShared, runs }: ContractOptions): void {
  let place: OpenedPlace | undefined;
  const opened: DeadLetterStore[] = [];
  const start = async (): Promise<OpenedPlace> => {
    place = await open();
    opened.push(place.store);
    return place;
  };
  const again = async ({ reopen }: OpenedPlace): Promise<DeadLetterStore> => {
    const store = await reopen();
    opened.push(store);
    return store;
  };
  afterEach(async () => {
    for (const store of opened.splice(0)) await store.close();
    await place?.remove();
    place = undefined;
  });

  test('letters come back as they were, the oldest first, after a restart too', async () => {
    const opened = await start();
    const letters = [
      letter(1),
      letter(2, { route: 'orders', rounds: 2, attempts: 7, edited: { at: '2026-11-21T10:00:00.000Z', by: 'admin' } }),
      letter(3, { line: Buffer.from([0xff, 0x00, 0xfe]), truncated: true }),
      letter(4, { line: Buffer.from('{"message":"한국어 🚀 \\u2028 \u2028"}') }),
    ];
    await opened.store.put(letters.slice(0, 2));
    await opened.store.put(letters.slice(2));
    expect(await allOf(opened.store)).toEqual(letters);
    await opened.store.close();
    const after = await again(opened);
    expect(await allOf(after)).toEqual(letters);
    expect((await after.size()).count).toBe(4);
  });

  test('a letter that is put again takes the place of the one before; what is removed is gone', async () => {
    const opened = await start();
    const { store } = opened;
    await store.put([letter(1), letter(2), letter(3)]);
    await store.put([letter(2, { reason: 'no more room', rounds: 1 }), letter(4)]);
    expect(byId(await allOf(store)).get('dddddddd-2')).toEqual(letter(2, { reason: 'no more room', rounds: 1 }));
    expect(await store.remove(['dddddddd-1', 'dddddddd-9', 'dddddddd-1'])).toBe(1);
    expect(await store.remove(['dddddddd-1'])).toBe(0);
    expect(await store.remove([])).toBe(0);
    expect(new Set((await allOf(store)).map(({ id }) => id))).toEqual(
      new Set(['dddddddd-2', 'dddddddd-3', 'dddddddd-4']),
    );
    expect(byId(await store.find(['dddddddd-3', 'dddddddd-1']))).toEqual(byId([letter(3)]));
    expect(await store.find([])).toEqual([]);
    await store.close();
    expect((await allOf(await again(opened))).length).toBe(3);
  });

  test('its size is that of what is in it', async () => {
    const { store } = await start();
    expect(await store.size()).toEqual({ count: 0, bytes: 0 });
    await store.put(Array.from({ length: 50 }, (_, n) => letter(n + 1)));
    const full = await store.size();
    expect(full.count).toBe(50);
    expect(full.bytes).toBeGreaterThan(50 * 150);
    await store.put([letter(1, { reason: 'x'.repeat(10_000) })]);
    expect((await store.size()).bytes).toBeGreaterThan(full.bytes + 9000);
    await store.remove(Array.from({ length: 50 }, (_, n) => letter(n + 1).id));
    expect(await store.size()).toEqual({ count: 0, bytes: 0 });
    await store.put([letter(3)]);
    expect((await store.size()).count).toBe(1);
  });

  test('many letters are read in parts', async () => {
    const { store } = await start();
    const line = Buffer.from(JSON.stringify({ blob: 'x'.repeat(2000) }));
    const letters = Array.from({ length: 600 }, (_, n) => letter(n + 1, { line }));
    for (let from = 0; from < letters.length; from += 200) await store.put(letters.slice(from, from + 500));
    let parts = 0;
    const seen = new Set<string>();
    for await (const part of store.scan()) {
      parts += 1;
      for (const { id } of part) seen.add(id);
    }
    expect(seen.size).toBe(600);
    expect(parts).toBeGreaterThan(1);
    expect(await store.remove(letters.map(({ id }) => id))).toBe(600);
    expect((await store.size()).count).toBe(0);
  });

  test('whatever is put and removed, in whatever order, it holds what a map would hold', async () => {
    const ids = fc.integer({ min: 1, max: 12 });
    const steps = fc.array(
      fc.oneof(
        fc.record({ kind: fc.constant('put' as const), ids: fc.uniqueArray(ids, { maxLength: 5 }), rounds: fc.nat(9) }),
        fc.record({ kind: fc.constant('remove' as const), ids: fc.uniqueArray(ids, { maxLength: 5 }) }),
        fc.record({ kind: fc.constant('reopen' as const) }),
      ),
      { maxLength: 12 },
    );
    await fc.assert(
      fc.asyncProperty(steps, async (program) => {
        const opened = await open();
        let { store } = opened;
        const model = new Map<string, DeadLetter>();
        try {
          for (const step of program) {
            if (step.kind === 'put') {
              const letters = step.ids.map((number) => letter(number, { rounds: step.rounds }));
              await store.put(letters);
              for (const one of letters) model.set(one.id, one);
            } else if (step.kind === 'remove') {
              const removed = step.ids.map((number) => letter(number).id);
              const there = removed.filter((id) => model.delete(id)).length;
              expect(await store.remove(removed)).toBe(there);
            } else {
              await store.close();
              store = await opened.reopen();
            }
          }
          expect(byId(await allOf(store))).toEqual(model);
          expect((await store.size()).count).toBe(model.size);
        } finally {
          await store.close();
          await opened.remove();
        }
      }),
      { numRuns: runs },
    );
  });

  test.runIf(isShared)('what one process puts, edits and removes, another sees', async () => {
    const opened = await start();
    const other = await again(opened);
    await opened.store.put([letter(1), letter(2)]);
    expect((await allOf(other)).map(({ id }) => id)).toEqual(['dddddddd-1', 'dddddddd-2']);
    await other.put([letter(2, { rounds: 3 })]);
    expect(byId(await opened.store.find(['dddddddd-2'])).get('dddddddd-2')?.rounds).toBe(3);
    expect(await other.remove(['dddddddd-1'])).toBe(1);
    expect(await opened.store.remove(['dddddddd-1'])).toBe(0);
    expect((await opened.store.size()).count).toBe(1);
  });
}
