/** What a store that several writers share must hold to: each event once, and a ledger that is the store's own. */
import { LEDGER_SCHEMA, type LedgerAmendment, type LedgerLine, SequenceSet } from 'tailrace/ledger';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { planSchema } from '../../query/plan.ts';
import type { SharedLedger, Store, StoredAccount } from '../store.ts';
import { event, lineOf, type OpenedStore } from './store-contract.ts';

const PRODUCER = '0mb1x9k3fqz7a';

export function describeSharedStore(open: () => Promise<OpenedStore>): void {
  describe('a store that several writers share', () => {
    let opened: OpenedStore;
    const others: Store[] = [];

    beforeEach(async (context) => {
      opened = await open();
      if (opened.store.sharedLedger === undefined) context.skip();
    });

    afterEach(async () => {
      for (const other of others.splice(0)) await other.close();
      await opened.store.close();
      await opened.remove();
    });

    const another = async (): Promise<Store> => {
      if (opened.openAnother === undefined)
        throw new Error('a shared store must say how to open another instance of it');
      const store = await opened.openAnother();
      others.push(store);
      return store;
    };
    const batch = (from: number, to: number) =>
      Array.from({ length: to - from + 1 }, (_, i) => lineOf(event(from + i, { n: from + i })));
    const counts = async (store: Store) => {
      const aggregates = [{ fn: 'count' as const }, { fn: 'distinct' as const, field: 'event_id', as: 'ids' }];
      const plan = planSchema.parse({ from: '-1h', aggregates });
      const events = await store.query(planSchema.parse({ from: '-1h', limit: 10_000 }));
      return { ...(await store.query(plan)).rows[0], rows: events.rows.length };
    };
    const stored = async (store: Store): Promise<readonly (readonly [number, number])[] | undefined> =>
      (await account(store, PRODUCER))?.stored;

    it('takes the same events twice, each once', async () => {
      const { store } = opened;
      await store.insert(batch(1, 50));
      await store.insert(batch(1, 50));
      expect(await counts(store)).toEqual({ count: 50, ids: 50, rows: 50 });
      expect(await stored(store)).toEqual([[1, 50]]);
      expect(store.checkpoint).toBeUndefined();
    });

    it('takes batches that overlap, and events that are twice in one', async () => {
      const { store } = opened;
      await store.insert(batch(1, 30));
      await store.insert(batch(21, 60));
      await store.insert([...batch(61, 65), ...batch(60, 65)]);
      expect(await counts(store)).toEqual({ count: 65, ids: 65, rows: 65 });
      expect(await stored(store)).toEqual([[1, 65]]);
    });

    it('takes the same events from several writers at once, each once', async () => {
      const stores = [opened.store, await another(), await another()];
      await Promise.all(
        stores.flatMap((store, i) => [store.insert(batch(1, 200)), store.insert(batch(100 * i + 1, 100 * i + 300))]),
      );
      expect(await counts(opened.store)).toEqual({ count: 500, ids: 500, rows: 500 });
      for (const store of stores) expect(await stored(store)).toEqual([[1, 500]]);
    });

    it('knows the stored numbers of a producer whose events come in pieces, out of order', async () => {
      const writers = [opened.store, await another(), await another()];
      const missing = new Set([3, 700, 701, 4_200]);
      const sequences = Array.from({ length: 4_400 }, (_, i) => i + 1).filter((n) => !missing.has(n));
      // As partitions would deal them out: each writer sees every third event.
      await Promise.all(
        writers.map(async (writer, w) => {
          const own = sequences.filter((n) => n % writers.length === w);
          for (let from = 0; from < own.length; from += 500) {
            await writer.insert(own.slice(from, from + 500).map((n) => lineOf(event(n))));
          }
        }),
      );
      const expected = [
        [1, 2],
        [4, 699],
        [702, 4_199],
        [4_201, 4_400],
      ];
      for (const store of writers) expect(await stored(store)).toEqual(expected);
      await opened.store.insert([3, 700, 701, 4_200].map((n) => lineOf(event(n))));
      expect(await stored(opened.store)).toEqual([[1, 4_400]]);
      await opened.store.close();
      opened = { ...opened, store: await opened.reopen() };
      expect(await stored(opened.store)).toEqual([[1, 4_400]]);
    }, 120_000);

    it('keeps the latest account of each producer, whatever the order in which they come', async () => {
      const other = await another();
      await ledgerOf(opened.store).note([line(10, 8), line(30, 24)]);
      await Promise.all([ledgerOf(opened.store).note([line(20, 16)]), ledgerOf(other).note([line(30, 24)])]);
      expect((await account(other, PRODUCER))?.lines).toEqual([line(30, 24)]);
      await ledgerOf(other).note([{ ...line(40, 32), closed: true }, line(5, 4, '0mb1x9k3fqz7b')]);
      expect((await account(opened.store, PRODUCER))?.lines).toEqual([{ ...line(40, 32), closed: true }]);
      expect((await account(opened.store, '0mb1x9k3fqz7b'))?.lines).toEqual([line(5, 4, '0mb1x9k3fqz7b')]);
      expect((await account(opened.store, '0mb1x9k3fqz7b'))?.stored).toEqual([]);
      expect(await ledgerOf(opened.store).accounts(1)).toHaveLength(1);
    });

    it('adds what adopters say, once', async () => {
      const other = await another();
      await ledgerOf(opened.store).note([line(10, 8)]);
      await Promise.all([
        ledgerOf(opened.store).note([amendment(3, 4)]),
        ledgerOf(other).note([amendment(6, 7), amendment(3, 4)]),
      ]);
      await ledgerOf(opened.store).note([amendment(3, 4)]);
      const lines = (await account(other, PRODUCER))?.lines ?? [];
      const own = lines.filter((each) => !('amends' in each));
      const dead = new SequenceSet();
      for (const each of lines) for (const [from, to] of each.dead.tailrace?.sequences ?? []) dead.addRange(from, to);
      expect(own).toEqual([line(10, 8)]);
      expect(dead.intervals()).toEqual([
        [3, 4],
        [6, 7],
      ]);
    });

    it('passes on what each process says of the queue: its last word', async () => {
      const other = await another();
      expect(await ledgerOf(other).queueNotes()).toEqual([]);
      await ledgerOf(opened.store).noteQueue({ process: '0mb1x9k3fqz7a', number: 1, behindMs: undefined });
      expect(await ledgerOf(other).queueNotes()).toEqual([
        { process: '0mb1x9k3fqz7a', number: 1, behindMs: undefined },
      ]);
      await Promise.all([
        ledgerOf(opened.store).noteQueue({ process: '0mb1x9k3fqz7a', number: 2, behindMs: 3_600_000 }),
        ledgerOf(other).noteQueue({ process: '0mb1x9k3fqz7b', number: 1, behindMs: 0 }),
      ]);
      await ledgerOf(other).noteQueue({ process: '0mb1x9k3fqz7b', number: 2, behindMs: undefined });
      for (const store of [opened.store, other]) {
        const notes = [...(await ledgerOf(store).queueNotes())].sort((a, b) => (a.process < b.process ? -1 : 1));
        expect(notes).toEqual([
          { process: '0mb1x9k3fqz7a', number: 2, behindMs: 3_600_000 },
          { process: '0mb1x9k3fqz7b', number: 2, behindMs: undefined },
        ]);
      }
      expect(await ledgerOf(other).accounts(10)).toEqual([]);
    });
  });
}

function ledgerOf(store: Store): SharedLedger {
  if (store.sharedLedger === undefined) throw new Error('the store keeps no ledger');
  return store.sharedLedger;
}

async function account(store: Store, producer: string): Promise<StoredAccount | undefined> {
  return (await ledgerOf(store).accounts(100)).find((each) => each.producer === producer);
}

function line(emitted: number, sequence: number, producer = PRODUCER): LedgerLine {
  return {
    schema: LEDGER_SCHEMA,
    producer,
    service: 'payments',
    host: 'h',
    pid: 1,
    started: '2026-11-21T09:00:00.000Z',
    timestamp: new Date(Date.parse('2026-11-21T09:00:00.000Z') + emitted).toISOString(),
    emitted,
    sequence,
    kept: { SAMPLED_NORMAL: sequence },
    sampled_out: { 'rule.with.$dots': emitted - sequence },
    dropped: {},
    dead: {},
    closed: false,
  };
}

function amendment(from: number, to: number): LedgerAmendment {
  return {
    schema: LEDGER_SCHEMA,
    producer: PRODUCER,
    amends: true,
    timestamp: '2026-11-21T09:30:00.000Z',
    dropped: {},
    dead: { tailrace: { count: to - from + 1, sequences: [[from, to]] } },
    closed: true,
  };
}
