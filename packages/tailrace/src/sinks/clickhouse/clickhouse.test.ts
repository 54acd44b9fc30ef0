import { randomBytes } from 'node:crypto';
import { createClient } from '@clickhouse/client';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { needService, startService } from '../../../../../tests/services.ts';
import { type Sink, toBatch } from '../../delivery/sink.ts';
import { sinkContract } from '../../testing/index.ts';
import { clickHouseSink, createSink } from './index.ts';

const shared = await needService('clickhouse');
const own = await startService('clickhouse');
afterAll(() => own?.close());

const notices: string[] = [];
const context = { notice: (code: string) => void notices.push(code) };
const NEVER = new AbortController().signal;

/** A database of the test's own, made by the sink. */
function newDatabase(url: string) {
  const database = `test_${randomBytes(6).toString('hex')}`;
  const client = createClient({ url });
  return {
    database,
    // The events of these tests are years old.
    create: () => createSink({ url, database, retentionDays: 10_000 }, context),
    rows: async (sql: string): Promise<Record<string, unknown>[]> =>
      (
        await client.query({ query: sql.replaceAll('tailrace_', `${database}.tailrace_`), format: 'JSONEachRow' })
      ).json(),
    drop: async () => {
      await client.command({ query: `DROP DATABASE IF EXISTS ${database}` });
      await client.close();
    },
  };
}

describe.skipIf(shared === undefined || own === undefined)('the sink to ClickHouse', () => {
  let place = newDatabase(shared?.url ?? '');
  const sinks: Sink[] = [];

  afterEach(async () => {
    await Promise.all(sinks.splice(0).map((sink) => sink.close?.()));
    await place.drop();
    place = newDatabase(shared?.url ?? '');
  });
  afterAll(() => place.drop());

  async function open(): Promise<Sink> {
    const sink = await place.create();
    sinks.push(sink);
    return sink;
  }

  const contract = sinkContract({
    create: () => place.create(),
    delivered: async () => {
      const rows = await place.rows('SELECT event_id FROM tailrace_events FINAL');
      return rows.map((row) => String(row.event_id));
    },
  });
  for (const { name, run } of contract) it(name, run);

  describe('whose server is killed', () => {
    const its = newDatabase(own?.url ?? '');
    const outages = sinkContract({
      create: () => its.create(),
      delivered: async () =>
        (await its.rows('SELECT event_id FROM tailrace_events FINAL')).map((row) => String(row.event_id)),
      breakDestination: () => own?.kill(),
      mend: () => own?.start(),
    });
    const { name, run } = outages.at(-1) ?? { name: '', run: () => Promise.reject(new Error('no such test')) };
    it(name, run);
  });

  it('makes two rows of a double, of which a reader sees one', async () => {
    const [first, second] = [await open(), await open()];
    await first.send(toBatch([event(1), event(2), event(3)]), NEVER);
    await second.send(toBatch([event(2), event(3), event(4)]), NEVER);
    expect(await place.rows('SELECT count() AS n FROM tailrace_events FINAL')).toEqual([{ n: 4 }]);
    expect(await place.rows('SELECT count() AS n FROM tailrace_events')).toEqual([{ n: 6 }]);
  });

  it('writes a batch that comes again once', async () => {
    const [first, second] = [await open(), await open()];
    const batch = toBatch([event(1), event(2)]);
    await first.send(batch, NEVER);
    await second.send(batch, NEVER);
    expect(await place.rows('SELECT count() AS n FROM tailrace_events')).toEqual([{ n: 2 }]);
  });

  it('keeps the numbers of a producer, and its latest account', async () => {
    const sink = await open();
    await sink.send(toBatch([event(1), event(2), event(4), account(4, '2026-11-21T09:00:01.000Z')]), NEVER);
    await sink.send(toBatch([event(2), account(3, '2026-11-21T09:00:02.000Z')]), NEVER);
    const numbers = 'arraySort(bitmapToArray(groupBitmapMergeState(stored)))';
    expect(await place.rows(`SELECT producer, ${numbers} AS n FROM tailrace_producers GROUP BY producer`)).toEqual([
      { producer: PRODUCER, n: [1, 2, 4] },
    ]);
    const [row] = await place.rows('SELECT entry FROM tailrace_ledger FINAL');
    expect(String(row?.entry)).toContain('"emitted":4');
  });

  it('makes the tables once, whoever comes first', async () => {
    const many = await Promise.all([1, 2, 3, 4, 5].map(() => open()));
    const outcomes = await Promise.all(many.map((sink, i) => sink.send(toBatch([event(i + 1)]), NEVER)));
    expect(outcomes).toEqual(many.map(() => ({ kind: 'delivered' })));
    expect(await place.rows('SELECT count() AS n FROM tailrace_events')).toEqual([{ n: 5 }]);
  });

  it('makes them again when somebody has dropped them', async () => {
    const sink = await open();
    await sink.send(toBatch([event(1)]), NEVER);
    await place.drop();
    expect(await sink.send(toBatch([event(2)]), NEVER)).toEqual({ kind: 'delivered' });
  });

  it('does not write into tables of a later version', async () => {
    await (await open()).send(toBatch([event(1)]), NEVER);
    const client = createClient({ url: shared?.url ?? '', database: place.database });
    await client.command({ query: "ALTER TABLE tailrace_events MODIFY COMMENT 'tailrace 99'" });
    await client.close();
    const outcome = await (await open()).send(toBatch([event(2)]), NEVER);
    expect(outcome.kind).toBe('retry');
    expect('reason' in outcome && outcome.reason).toContain('version 99');
  });

  it('refuses a line that is none, and keeps the rest', async () => {
    const outcome = await (await open()).send(toBatch([event(1), Buffer.from('{"schema'), event(2)]), NEVER);
    expect(outcome).toMatchObject({ kind: 'partial', refused: [{ index: 1 }], retry: [] });
    expect(await place.rows('SELECT count() AS n FROM tailrace_events')).toEqual([{ n: 2 }]);
  });

  it('keeps what fits no column', async () => {
    const odd = {
      ...JSON.parse(event(1).toString()),
      status: 'abc',
      timestamp: '2400-01-01T00:00:00.000Z',
      '\ud800': '\udc00x',
    };
    expect(await (await open()).send(toBatch([Buffer.from(JSON.stringify(odd))]), NEVER)).toEqual({
      kind: 'delivered',
    });
    const [row] = await place.rows(
      "SELECT status, attributes['status'] AS s, attributes['timestamp'] AS t FROM tailrace_events",
    );
    expect(row).toEqual({ status: null, s: '"abc"', t: '"2400-01-01T00:00:00.000Z"' });
  });
});

describe('the options of the sink to ClickHouse', () => {
  it('must have an address', async () => {
    await expect(createSink({ url: 'clickhouse:8123' }, context)).rejects.toThrow('http://127.0.0.1:8123');
    await expect(createSink({}, context)).rejects.toThrow('http://127.0.0.1:8123');
  });

  it('are checked by name', async () => {
    await expect(createSink({ url: 'http://x', database_: 'y' }, context)).rejects.toThrow(
      'database_ is not an option',
    );
  });

  it('say where nobody listens', async () => {
    const sink = await createSink({ url: 'http://user:secret@127.0.0.1:1/logs' }, context);
    const outcome = await sink.send(toBatch([event(1)]), NEVER);
    expect(outcome).toMatchObject({ kind: 'retry', reason: expect.stringContaining('http://127.0.0.1:1/logs') });
    expect(JSON.stringify(outcome)).not.toContain('secret');
    await sink.close?.();
  });

  it('make a spec that a worker can make a sink of', () => {
    expect(clickHouseSink({ url: 'http://x' })).toEqual({
      kind: 'builtin',
      name: 'clickhouse',
      options: { url: 'http://x' },
    });
  });
});

const PRODUCER = '0mb1x9k3fqz7a';

function event(sequence: number): Buffer {
  return Buffer.from(
    JSON.stringify({
      schema: 'tailrace/event/v1',
      event_id: `${PRODUCER}-${sequence}`,
      timestamp: '2026-11-21T09:00:00.000Z',
      level: 'info',
      service: 's',
      'sampling.rule': 'ALL',
      'sampling.rate': 1,
      n: sequence,
    }),
  );
}

function account(emitted: number, timestamp: string): Buffer {
  return Buffer.from(
    JSON.stringify({
      schema: 'tailrace/ledger/v1',
      producer: PRODUCER,
      timestamp,
      emitted,
      sequence: emitted,
      closed: false,
    }),
  );
}
