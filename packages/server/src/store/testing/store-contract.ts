/**
 * What every store must hold to, as one suite of tests.
 *
 * The first half looks at one store full of generated events: plans answer as the naive evaluation in JavaScript does, to
 * the ends of the intervals, and a search finds what `match.ts` finds. The second half opens a new store for each test.
 * What only a store that several writers share can do (take each event once, keep the ledger) is asked of those alone,
 * where `openAnother` gives a second instance over the same data.
 */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type PlanInput, planSchema } from '../../query/plan.ts';
import type { Store, StoredLine } from '../store.ts';
import { type Event, mixedEvents, NOW } from './generated.ts';
import { checkPlans } from './plan-agreement.ts';
import { checkInjection, checkRoundTrip, checkSearches, INJECTIONS } from './search-agreement.ts';
import { describeSharedStore } from './shared-store-contract.ts';

export interface OpenOptions {
  /** What the store is to take for now: the events of the suite are of one day. Retention must not reach them. */
  readonly clock: () => number;
}

export interface OpenedStore {
  /** New and empty. */
  readonly store: Store;
  /** Opens the same data again, after `store` was closed. */
  readonly reopen: () => Promise<Store>;
  /** For a shared store: one more instance over the same data, while `store` is open. The suite closes it. */
  readonly openAnother?: () => Promise<Store>;
  /** Takes away what the store left behind; `store` and what was reopened are closed already. */
  readonly remove: () => Promise<void>;
}

export interface StoreContractOptions {
  /** Generated plans, and generated searches. @defaultValue 200, or 1,000 with TAILRACE_TEST_THOROUGH=1 */
  readonly runs?: number;
  /** How the generated events get into the store. @defaultValue in three inserts, two of them committed */
  readonly fill?: (store: Store, lines: readonly StoredLine[]) => Promise<void>;
}

const RUNS = process.env.TAILRACE_TEST_THOROUGH === '1' ? 1_000 : 200;
const EVENTS = 600;

export function storeContract(
  name: string,
  openStore: (options: OpenOptions) => Promise<OpenedStore>,
  options: StoreContractOptions = {},
): void {
  const open = () => openStore({ clock: () => NOW });
  describe(`the contract of stores: ${name}`, () => {
    describeAgreement(open, options);
    describeBehaviour(open);
    describeSharedStore(open);
  });
}

function describeAgreement(
  open: () => Promise<OpenedStore>,
  { runs = RUNS, fill = insertInThree }: StoreContractOptions,
): void {
  describe('full of events', () => {
    let opened: OpenedStore;
    let events: readonly Event[];

    beforeAll(async () => {
      opened = await open();
      events = mixedEvents(EVENTS);
      await fill(opened.store, events.map(lineOf));
    });

    afterAll(async () => {
      await opened.store.close();
      await opened.remove();
    });

    it('gives every event back as it was', () => checkRoundTrip(opened.store, events));

    it('answers a plan as the naive evaluation in JavaScript does', async () => {
      await checkPlans(opened.store, events, runs);
    }, 300_000);

    it('finds what the same search finds in JavaScript', async () => {
      await checkSearches(opened.store, events, runs);
    }, 300_000);

    it.each(INJECTIONS)('takes %s as nothing but text', (where) => checkInjection(opened.store, events, where));
  });
}

function describeBehaviour(open: () => Promise<OpenedStore>): void {
  describe('a store', () => {
    let opened: OpenedStore;
    let store: Store;
    const query = (plan: PlanInput) => store.query(planSchema.parse({ from: '-1h', ...plan }));

    beforeEach(async () => {
      opened = await open();
      store = opened.store;
    });

    afterEach(async () => {
      await store.close();
      await opened.remove();
    });

    it('finds an event as soon as insert has returned, with all that it held', async () => {
      const full = event(1, {
        message: '카드 결제 실패',
        status: 402,
        duration_ms: 12.5,
        'error.code': 'CARD_EXPIRED',
        steps: [{ name: 'gateway', duration_ms: 3, outcome: 'error' }],
        'payment.amount': 129_000,
        nested: { deep: [1, null, 'x'] },
        nothing: null,
      });
      await store.insert([lineOf(full)]);
      const answer = await query({ where: 'error.code:CARD_* 카드' });
      expect(answer.rows).toEqual([full]);
      expect(answer.meta).toMatchObject({ accuracy: 'exact', limited: false, warnings: [] });
      expect(await store.event('0mb1x9k3fqz7a-1')).toEqual(full);
      expect(await store.event('0mb1x9k3fqz7a-2')).toBeUndefined();
      expect(await store.event('$where')).toBeUndefined();
    });

    it('gives back names and values that mean something to a database', async () => {
      const text = String.raw`{"a.b":1,"$set":{"x":[1]},"$":2,"":3,"__proto__":{"a":4,"__proto__":5},"constructor":6,"a\u0000b":7,
        "a..b":8,".":9,"%":10,"%2E":11,"_id":12,"at":13,"error":{"$ne":null,"a.b":{"":[{"$gt":""}]}},"user":"u","0":14,
        "big":12345678901234567890,"exact":9007199254740991,"small":5e-324,"huge":1.7976931348623157e308,"tenth":0.1,
        "int32":2147483647,"over":2147483648,"under":-2147483649,"text":"a\u0000b","empty":"","list":[],"none":{},
        "nan":"NaN","date":"2026-11-21T09:00:00Z","number":"5","code":{"$numberLong":"1"},"bool":[true,false,null]}`;
      const attributes: unknown = JSON.parse(text);
      const line = `${JSON.stringify(event(1)).slice(0, -1)},${text.replaceAll(/\n\s*/g, '').slice(1)}`;
      await store.insert([{ line, timestampMs: NOW - 60_000 + 1 }]);
      await store.commit({ position: 'a', ledger: null });
      const found = await store.event('0mb1x9k3fqz7a-1');
      // As text too, since `toEqual` looks past a key `__proto__`.
      const expected = `${JSON.stringify(event(1)).slice(0, -1)},${JSON.stringify(attributes).slice(1)}`;
      expect(sortedEntries(found)).toEqual(sortedEntries(JSON.parse(expected)));
      for (const search of [
        '"a.b":1',
        '"$set":*',
        '"":*',
        '"__proto__":*',
        '"%2E":11',
        '"%":10',
        '"_id":12',
        '"$":2',
      ]) {
        if (search.startsWith('"":')) continue;
        expect((await query({ where: search })).rows, search).toHaveLength(1);
      }
      const grouped = await query({ groupBy: ['$', '.', 'a..b', '__proto__'] });
      expect(JSON.stringify(grouped.rows[0])).toBe(
        '{"$":2,".":9,"a..b":8,"__proto__":{"a":4,"__proto__":5},"count":1}',
      );
    });

    it('counts and groups over committed and newer events alike', async () => {
      await store.insert(
        [1, 2, 3].map((n) => lineOf(event(n, { service: n === 1 ? 'gateway' : 'payments', duration_ms: n }))),
      );
      await store.commit({ position: 'a', ledger: null });
      await store.insert([lineOf(event(4, { duration_ms: 40, level: 'error' }))]);
      const answer = await query({
        groupBy: ['service'],
        aggregates: [
          { fn: 'count' },
          { fn: 'sum', field: 'duration_ms' },
          { fn: 'avg', field: 'duration_ms' },
          { fn: 'min', field: 'duration_ms' },
          { fn: 'max', field: 'duration_ms' },
          { fn: 'percentile', field: 'duration_ms', p: 50 },
          { fn: 'distinct', field: 'event_id' },
          { fn: 'error_rate' },
        ],
      });
      const row = (service: string, ...values: readonly number[]) => ({
        service,
        count: values[0],
        sum_duration_ms: values[1],
        avg_duration_ms: values[2],
        min_duration_ms: values[3],
        max_duration_ms: values[4],
        p50_duration_ms: values[5],
        distinct_event_id: values[6],
        error_rate: values[7],
      });
      expect(answer.rows).toEqual([
        row('payments', 3, 45, 15, 2, 40, 3, 3, 1 / 3),
        row('gateway', 1, 1, 1, 1, 1, 1, 1, 0),
      ]);
      expect(answer.columns.map(({ name, type }) => `${name}: ${type}`).slice(0, 2)).toEqual([
        'service: string',
        'count: measure',
      ]);
    });

    it('weights sampled events and says how sure it is', async () => {
      await store.insert(
        [1, 2, 3, 4].map((n) =>
          lineOf(event(n, { 'sampling.rate': n === 4 ? 1 : 0.01, duration_ms: n, trace_id: `t${n}` })),
        ),
      );
      const answer = await query({
        aggregates: [
          { fn: 'count' },
          { fn: 'percentile', field: 'duration_ms', p: 50 },
          { fn: 'max', field: 'duration_ms' },
        ],
      });
      expect(answer.meta.accuracy).toBe('estimated');
      const [row] = answer.rows;
      expect(row?.count).toMatchObject({ value: 301 });
      expect(row?.p50_duration_ms).toMatchObject({ value: 2 });
      expect(row?.max_duration_ms).toMatchObject({ value: 4, bound: 'lower' });
    });

    it('orders by what it is asked to, and puts what is missing last', async () => {
      const durations = [5, undefined, 30, 7, undefined, 7];
      await store.insert(
        durations.map((duration, i) => lineOf(event(i + 1, duration === undefined ? {} : { duration_ms: duration }))),
      );
      const ids = async (plan: PlanInput) =>
        (await query(plan)).rows.map(({ event_id }) => Number(String(event_id).split('-')[1]));
      expect(await ids({ orderBy: [{ column: 'duration_ms', direction: 'asc' }] })).toEqual([1, 6, 4, 3, 5, 2]);
      expect(await ids({ orderBy: [{ column: 'duration_ms' }] })).toEqual([3, 6, 4, 1, 5, 2]);
      expect(await ids({ orderBy: [{ column: 'timestamp', direction: 'asc' }], limit: 2 })).toEqual([1, 2]);
      const groups = await query({
        groupBy: ['event_id'],
        aggregates: [{ fn: 'percentile', field: 'duration_ms', p: 50, as: 'p' }],
        orderBy: [{ column: 'p', direction: 'asc' }],
        limit: 5,
      });
      expect(groups.rows.map(({ p }) => p)).toEqual([5, 7, 7, 30, null]);
      expect(groups.meta.limited).toBe(true);
      await expect(query({ groupBy: ['service'], orderBy: [{ column: 'nothing' }] })).rejects.toMatchObject({
        code: 'BAD_ORDER',
      });
    });

    it('goes on after an event, and says when the limit cut the answer', async () => {
      const timestamp = new Date(NOW - 1_000).toISOString();
      await store.insert([1, 2, 3, 4, 5].map((n) => lineOf(event(n, { timestamp }))));
      await store.commit({ position: 'a', ledger: null });
      const first = await query({ limit: 2 });
      expect(first.meta.limited).toBe(true);
      const last = first.rows.at(-1);
      const after = { timestamp: String(last?.timestamp), eventId: String(last?.event_id) };
      const rest = await store.query(planSchema.parse({ limit: 10 }), undefined, { after });
      expect(rest.rows.map((row) => row.event_id)).toEqual([3, 2, 1].map((n) => `0mb1x9k3fqz7a-${n}`));
      expect(rest.meta.limited).toBe(false);
    });

    it('answers an unknown field with nothing and the names that are near', async () => {
      await store.insert([lineOf(event(1, { 'payment.method': 'card' }))]);
      const answer = await query({ where: 'payment.metod:card' });
      expect(answer.rows).toEqual([]);
      expect(answer.meta.warnings).toEqual(['No event has the field "payment.metod". Did you mean payment.method?']);
      const fields = await store.fields();
      expect(fields.find((field) => field.name === 'payment.method')).toEqual({
        name: 'payment.method',
        type: 'string',
        presence: 1,
      });
      expect(fields.find((field) => field.name === 'duration_ms')).toEqual({
        name: 'duration_ms',
        type: 'number',
        presence: 1,
      });
    });

    it('says where a group shows only what is always kept, and its normal traffic may be out of sight', async () => {
      await store.insert([
        lineOf(event(1, { route: '/pay', 'sampling.rate': 0.1 })),
        lineOf(event(2, { route: '/pay', level: 'error', 'sampling.rule': 'HAS_ERROR' })),
        lineOf(event(3, { route: '/refund', level: 'error', 'sampling.rule': 'HAS_ERROR' })),
      ]);
      const byRoute = await query({ groupBy: ['route'], aggregates: [{ fn: 'error_rate' }] });
      expect(byRoute.meta.warnings).toEqual([
        expect.stringMatching(/^1 of 2 groups show only events that are always kept/),
      ]);
      // All errors are kept: their own group is complete.
      expect((await query({ groupBy: ['level'] })).meta.warnings).toEqual([]);
      expect((await query({ groupBy: ['route'], where: 'level:error' })).meta.warnings).toEqual([]);
    });

    it('gives time buckets in order', async () => {
      const at = (ms: number) => ({ timestamp: new Date(NOW - ms).toISOString() });
      await store.insert([lineOf(event(1, at(125_000))), lineOf(event(2, at(61_000))), lineOf(event(3, at(60_500)))]);
      const answer = await query({ bucket: '1m', aggregates: [{ fn: 'count' }] });
      expect(answer.rows).toEqual([
        { bucket: '2026-11-21T09:29:00.000Z', count: 1 },
        { bucket: '2026-11-21T09:30:00.000Z', count: 2 },
      ]);
      expect(answer.meta.bucketMs).toBe(60_000);
    });

    it('says why it refuses a plan', async () => {
      const refused = (plan: PlanInput, code: string) => expect(query(plan)).rejects.toMatchObject({ code });
      await refused({ where: 'service:(' }, 'SEARCH_SYNTAX');
      await refused({ from: 'now', to: '-1h' }, 'BAD_RANGE');
      await refused({ aggregates: [{ fn: 'sum', field: 'service' }] }, 'BAD_AGGREGATE');
      await refused({ aggregates: [{ fn: 'count' }, { fn: 'count' }] }, 'BAD_AGGREGATE');
    });

    it('stops for a client that has gone, and goes on for others', async () => {
      await store.insert([lineOf(event(1))]);
      const plan = planSchema.parse({ from: '-1h' });
      await expect(store.query(plan, AbortSignal.abort())).rejects.toMatchObject({ code: 'QUERY_CANCELLED' });
      const client = new AbortController();
      const running = store.query(plan, client.signal).catch((error: unknown) => error);
      client.abort();
      expect(await running).toMatchObject({ code: 'QUERY_CANCELLED' });
      expect((await store.query(plan)).rows).toHaveLength(1);
    });

    it('has after a restart what was committed', async () => {
      await store.insert([1, 2, 3].map((n) => lineOf(event(n, { 'payment.method': 'card' }))));
      await store.commit({ position: 'after three', ledger: { p: 3 } });
      await store.close();
      store = await opened.reopen();
      expect((await query({})).rows.map((row) => row.event_id)).toEqual([3, 2, 1].map((n) => `0mb1x9k3fqz7a-${n}`));
      expect((await store.fields()).some((field) => field.name === 'payment.method')).toBe(true);
      const shared = store.sharedLedger !== undefined;
      expect(store.checkpoint).toEqual(shared ? undefined : { position: 'after three', ledger: { p: 3 } });
    });

    it('takes an insert of nothing', async () => {
      await store.insert([]);
      await store.commit({ position: 'nothing', ledger: null });
      expect((await query({})).rows).toEqual([]);
    });
  });
}

/** An event of the minute before {@link NOW}. */
export function event(sequence: number, more: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    schema: 'tailrace/event/v1',
    event_id: `0mb1x9k3fqz7a-${sequence}`,
    timestamp: new Date(NOW - 60_000 + sequence).toISOString(),
    level: 'info',
    service: 'payments',
    'sampling.rule': 'SAMPLED_NORMAL',
    'sampling.rate': 1,
    ...more,
  };
}

export function lineOf(value: Readonly<Record<string, unknown>>): StoredLine {
  return { line: JSON.stringify(value), timestampMs: Date.parse(String(value.timestamp)) };
}

async function insertInThree(store: Store, lines: readonly StoredLine[]): Promise<void> {
  const third = Math.ceil(lines.length / 3);
  await store.insert(lines.slice(0, third));
  await store.commit({ position: 'first', ledger: null });
  await store.insert(lines.slice(third, 2 * third));
  await store.commit({ position: 'second', ledger: null });
  await store.insert(lines.slice(2 * third));
}

function sortedEntries(value: unknown): readonly string[] {
  return Object.entries(Object(value))
    .map(([name, member]) => `${name} = ${JSON.stringify(member)}`)
    .sort();
}
