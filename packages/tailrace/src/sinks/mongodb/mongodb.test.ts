import { randomUUID } from 'node:crypto';
import { MongoClient } from 'mongodb';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, test } from 'vitest';
import { needService, startService } from '../../../../../tests/services.ts';
import { type Batch, type SinkOutcome, toBatch } from '../../delivery/sink.ts';
import { sinkContract } from '../../delivery/sink-contract.ts';
import { LEDGER_SCHEMA } from '../../ledger/index.ts';
import { connect } from './driver.ts';
import { createSink, type MongoOptions, readAccounts, readTarget, toDocument, toEvent } from './index.ts';
import { collectionsOf } from './schema.ts';

const shared = await needService('mongodb');
const PRODUCER = '0mb1x9k3fqz7a';
const never = new AbortController().signal;
const notices: string[] = [];
const context = { notice: (code: string, message: string) => void notices.push(`${code}: ${message}`) };

function event(sequence: number, fields: object = {}): Record<string, unknown> {
  const timestamp = new Date(Date.now() - 60_000 + sequence).toISOString();
  const event_id = `${PRODUCER}-${sequence}`;
  return { schema: 'tailrace/event/v1', event_id, timestamp, level: 'info', service: 's', ...fields };
}

const batchOf = (values: readonly object[]): Batch =>
  toBatch(values.map((value) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value))));
const events = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => event(from + i));
const ledgerLine = (emitted: number) => ({
  schema: LEDGER_SCHEMA,
  producer: PRODUCER,
  service: 's',
  host: 'h',
  pid: 1,
  started: '2026-11-21T09:00:00.000Z',
  timestamp: '2026-11-21T09:00:01.000Z',
  emitted,
  sequence: emitted,
  kept: { 'a.$rule': emitted },
  sampled_out: {},
  dropped: {},
  dead: {},
  closed: false,
});

describe('options', () => {
  it('say what is wrong without repeating a secret', () => {
    expect(() => readTarget({ uri: 'http://user:hunter2@host/x' })).toThrow(
      /^the address of MongoDB must be one such as/,
    );
    expect(() => readTarget({ uri: 'http://user:hunter2@host/x' })).not.toThrow(/hunter2/);
    expect(() => readTarget({ uri: 'mongodb://h', database: 'a.b' })).toThrow(/can't be the name of a database/);
    expect(() => readTarget({ uri: 'mongodb://h', retentionDays: 0 })).toThrow(/retentionDays must be more than 0/);
    expect(readTarget({ uri: 'mongodb+srv://u:p@cluster.example/logs?tls=true' }).database).toBe('logs');
    expect(readTarget({ uri: 'mongodb://a:1,b:2' }).database).toBe('tailrace');
  });

  it('that the sink does not know are named', async () => {
    await expect(createSink({ uri: 'mongodb://h', url: 'x' }, context)).rejects.toThrow(/url is not an option/);
  });
});

describe('a document', () => {
  it('holds an event so that it comes back as it was', () => {
    const given = JSON.parse(
      String.raw`{"schema":"tailrace/event/v1","event_id":"${PRODUCER}-1","timestamp":"2026-11-21T09:00:00.000Z","level":"info",
      "error.code":"X","user.id":"u","steps":[{"name":"a.b","$x":1}],"sampling.rate":1,"a.b":1,"$set":{"_bsontype":"Long"},"":2,
      "__proto__":{"__proto__":1},"%":3,"%2E":4,"_bsontype":"ObjectId","nul\u0000":5,"error":{"code":1},"status":"late","none":null}`,
    );
    const document = toDocument(given);
    expect(document).toMatchObject({ _id: `${PRODUCER}-1`, error: { code: 'X' }, user: { id: 'u' } });
    expect(Object.keys(document?.attributes ?? {}).join(' ')).not.toMatch(/[.$\0]/);
    expect(JSON.stringify(Object.entries(toEvent(document ?? {})).sort())).toBe(
      JSON.stringify(Object.entries(given).sort()),
    );
  });

  it('keeps what is nested too deep for MongoDB as text', () => {
    let deep: unknown = 'bottom';
    for (let i = 0; i < 200; i += 1) deep = i % 2 === 0 ? [deep] : { 'a.b': deep };
    const document = toDocument({ ...event(1), deep });
    expect(toEvent(document ?? {}).deep).toEqual(deep);
  });

  it('is not made of an event without id or time', () => {
    expect(toDocument({ ...event(1), event_id: 5 })).toBeUndefined();
    expect(toDocument({ ...event(1), timestamp: 'yesterday' })).toBeUndefined();
  });
});

describe.skipIf(shared === undefined)('the sink to MongoDB', () => {
  const uri = shared?.url ?? '';
  let client: MongoClient;
  let database: string;

  beforeAll(async () => {
    client = await new MongoClient(uri).connect();
  });

  afterAll(() => client.close());

  beforeEach(() => {
    database = `t${randomUUID().slice(0, 8)}`;
    notices.length = 0;
  });

  afterEach(() => client.db(database).dropDatabase());

  const open = (more: Partial<MongoOptions> = {}) => createSink({ uri, database, ...more }, context);
  const ids = async () =>
    (await client.db(database).collection<{ _id: string }>('events').find().toArray()).map(({ _id }) => _id);

  describe('keeps the contract of sinks', () => {
    // Its events are years old: retention would take them.
    const create = () => open({ retentionDays: 20_000 });
    for (const { name, run } of sinkContract({ create, delivered: ids })) test(name, run);
  });

  it('counts what is there already, and notes accounts and stored numbers', async () => {
    const sink = await open();
    expect(await sink.send(batchOf(events(1, 20)), never)).toEqual({ kind: 'delivered', duplicates: 0 });
    expect(await sink.send(batchOf([...events(11, 30), ledgerLine(30)]), never)).toEqual({
      kind: 'delivered',
      duplicates: 10,
    });
    await sink.close?.();
    const connection = await connect(readTarget({ uri, database }));
    await connection.open();
    expect(await readAccounts(collectionsOf(connection), 10)).toEqual([
      { producer: PRODUCER, stored: [[1, 30]], lines: [ledgerLine(30)] },
    ]);
    await connection.close();
  });

  it('refuses what can not be read, and takes the rest', async () => {
    const sink = await open();
    const lines = [event(1), '{"broken', { ...event(2), event_id: undefined }, { schema: LEDGER_SCHEMA }, event(3)];
    const outcome = await sink.send(
      toBatch(lines.map((line) => Buffer.from(typeof line === 'string' ? line : JSON.stringify(line)))),
      never,
    );
    expect(outcome).toEqual({
      kind: 'partial',
      duplicates: 0,
      retry: [],
      refused: [
        { index: 1, reason: 'is not JSON' },
        { index: 2, reason: 'has no event_id or timestamp' },
        { index: 3, reason: 'is no ledger line' },
      ],
    });
    expect(await ids()).toEqual([`${PRODUCER}-1`, `${PRODUCER}-3`]);
    await sink.close?.();
  });

  it("does not take somebody's own unique index for a duplicate", async () => {
    await client.db(database).collection('events').createIndex({ request_id: 1 }, { unique: true, name: 'own' });
    const sink = await open();
    const outcome = await sink.send(
      batchOf([event(1, { request_id: 'r' }), event(2, { request_id: 'r' }), event(3, { request_id: 's' })]),
      never,
    );
    expect(outcome).toMatchObject({ kind: 'partial', retry: [], refused: [{ index: 1 }] });
    expect(await ids()).toHaveLength(2);
    await sink.close?.();
  });
});

const own = await startService('mongodb');

describe.skipIf(own === undefined)('a MongoDB in trouble', () => {
  afterAll(() => own?.close());

  it('is tried again by the driver where the server says so, and by the engine where that is not enough', async () => {
    const sink = await createSink({ uri: own?.url ?? '', database: 'retried' }, context);
    const client = await new MongoClient(own?.url ?? '').connect();
    await sink.send(batchOf(events(1, 2)), never);
    // After this error the driver need not find the server anew, for which it has three seconds: few on a busy machine.
    const HOST_UNREACHABLE = 6;
    const fail = (mode: object | string, more: object = {}) =>
      client.db('admin').command({
        configureFailPoint: 'failCommand',
        mode,
        data: { failCommands: ['insert'], errorCode: HOST_UNREACHABLE, errorLabels: ['RetryableWriteError'], ...more },
      });
    await fail({ times: 1 });
    expect(await sink.send(batchOf(events(3, 4)), never)).toEqual({ kind: 'delivered', duplicates: 0 });
    await fail({ times: 1 }, { errorCode: 8000, errorLabels: [] });
    expect(await sink.send(batchOf(events(5, 6)), never)).toMatchObject({ kind: 'retry', afterMs: 60_000 });
    expect(notices).toEqual([expect.stringMatching(/^mongodb_not_allowed: /)]);
    expect(await sink.send(batchOf(events(5, 6)), never)).toEqual({ kind: 'delivered', duplicates: 0 });
    await fail('off');
    await client.close();
    await sink.close?.();
  });

  it('may be made while MongoDB is away', async () => {
    await own?.stop();
    const sink = await createSink({ uri: own?.url ?? '', database: 'late' }, context);
    expect(await sink.send(batchOf(events(1, 2)), never)).toMatchObject({ kind: 'retry' });
    await own?.start();
    expect(await sink.send(batchOf(events(1, 2)), never)).toEqual({ kind: 'delivered', duplicates: 0 });
    await sink.close?.();
  }, 60_000);

  it('has every event that was said to be delivered, once, and all of them noted', async () => {
    const sink = await createSink({ uri: own?.url ?? '', database: 'killed' }, context);
    await sink.send(batchOf(events(1, 10)), never);
    const delivered = new Set<number>();
    let outages = 0;
    let next = 11;
    const waiting: (readonly [number, number])[] = [];
    const killings = 2;
    let killed = 0;
    for (let round = 0; round < 400 && (killed < killings || waiting.length > 0); round += 1) {
      const batches = Array.from({ length: 4 }, () => {
        const again = waiting.shift();
        if (again !== undefined) return again;
        next += 50;
        return [next - 50, next - 1] as const;
      });
      const sending = batches.map(
        async ([from, to]): Promise<SinkOutcome> => sink.send(batchOf(events(from, to)), never),
      );
      if (killed < killings && round % 4 === 3) {
        killed += 1;
        await own?.kill();
        await own?.start();
      }
      const outcomes = await Promise.all(sending);
      outcomes.forEach((outcome, i) => {
        const [from, to] = batches[i] ?? [0, -1];
        if (outcome.kind === 'delivered') for (let n = from; n <= to; n += 1) delivered.add(n);
        else {
          outages += 1;
          waiting.push([from, to]);
        }
      });
    }
    expect(killed).toBe(killings);
    expect(outages, 'no batch met the outage: the test has seen nothing').toBeGreaterThan(0);
    const connection = await connect(readTarget({ uri: own?.url ?? '', database: 'killed' }));
    const found = await collectionsOf(connection).events.find().toArray();
    const there = new Set(found.map(({ _id }) => Number(_id.split('-')[1])));
    expect([...delivered].filter((n) => !there.has(n))).toEqual([]);
    expect(found).toHaveLength(there.size);
    expect((await readAccounts(collectionsOf(connection), 1))[0]?.stored).toEqual([[1, next - 1]]);
    await connection.close();
    await sink.close?.();
  }, 120_000);
});
