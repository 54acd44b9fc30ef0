/**
 * What every sink must hold to, as tests: run them against your own.
 *
 * They know no test runner: each is a name and a function that rejects where the sink breaks the contract.
 *
 * ```ts
 * for (const { name, run } of sinkContract({ create, delivered })) test(name, run);
 * ```
 */
import { strict as assert } from 'node:assert';
import { formatEventId } from '../event.ts';
import { type Batch, type Sink, type SinkOutcome, toBatch } from './sink.ts';

export interface SinkUnderTest {
  /** A new sink whose destination is in order, and empty. */
  readonly create: () => Sink | Promise<Sink>;
  /** The event ids that have arrived at the destination, once or more often each. */
  readonly delivered: () => readonly string[] | Promise<readonly string[]>;
  /** Makes the destination fail until `mend` is called; left out where it can't fail. */
  readonly breakDestination?: () => void | Promise<void>;
  readonly mend?: () => void | Promise<void>;
}

export interface ContractTest {
  readonly name: string;
  readonly run: () => Promise<void>;
}

const PRODUCER = '0contract0sink';
const NEVER = new AbortController().signal;
/** Long enough for any destination that is in order. */
const PATIENCE_MS = 10_000;

export function sinkContract(target: SinkUnderTest): ContractTest[] {
  const withSink = (fn: (sink: Sink) => Promise<void>) => async () => {
    const sink = await target.create();
    try {
      await fn(sink);
    } finally {
      await sink.close?.();
    }
  };
  const tests: ContractTest[] = [
    {
      name: 'has a short name',
      run: withSink(async (sink) => assert.match(sink.name, /^[A-Za-z0-9_.-]{1,64}$/)),
    },
    {
      name: 'delivers every event of a batch, and says so',
      run: withSink(async (sink) => {
        assert.equal((await send(sink, batchOf(1, 100))).kind, 'delivered');
        assertArrived(await target.delivered(), 1, 100);
      }),
    },
    {
      name: 'delivers batches that are under way side by side',
      run: withSink(async (sink) => {
        const outcomes = await Promise.all([1, 11, 21, 31, 41].map((from) => send(sink, batchOf(from, from + 9))));
        assert.deepEqual(new Set(outcomes.map((outcome) => outcome.kind)), new Set(['delivered']));
        assertArrived(await target.delivered(), 1, 50);
      }),
    },
    {
      name: 'carries text of every kind',
      run: withSink(async (sink) => {
        const message = '한국어 \u{1f680} " \\ \n \t \u0000 \u2028';
        assert.equal((await send(sink, toBatch([eventLine(1, { message })]))).kind, 'delivered');
        assertArrived(await target.delivered(), 1, 1);
      }),
    },
    {
      name: 'takes a batch again, as a retry brings it',
      run: withSink(async (sink) => {
        await send(sink, batchOf(1, 10));
        assert.equal((await send(sink, batchOf(1, 10))).kind, 'delivered');
        assertArrived(await target.delivered(), 1, 10);
      }),
    },
    {
      name: 'leaves the bytes of a batch as they are',
      run: withSink(async (sink) => {
        const batch = batchOf(1, 10);
        const before = Buffer.from(batch.body);
        await send(sink, batch);
        assert.ok(batch.body.equals(before));
      }),
    },
    {
      name: 'settles soon after its signal aborts',
      run: withSink(async (sink) => {
        const abort = new AbortController();
        const outcome = send(sink, batchOf(1, 10), abort.signal).catch(() => undefined);
        abort.abort();
        await outcome;
      }),
    },
  ];
  const { breakDestination, mend } = target;
  if (breakDestination !== undefined && mend !== undefined) {
    tests.push({
      name: 'claims nothing while its destination fails, and delivers once it is mended',
      run: withSink(async (sink) => {
        await breakDestination();
        const broken = await send(sink, batchOf(1, 10)).catch(
          (): SinkOutcome => ({ kind: 'retry', reason: 'rejected' }),
        );
        assert.equal(broken.kind, 'retry', `an outage is to be tried again, and not ${broken.kind}`);
        await mend();
        assert.equal((await send(sink, batchOf(1, 10))).kind, 'delivered');
        assertArrived(await target.delivered(), 1, 10);
      }),
    });
  }
  return tests;
}

function eventLine(sequence: number, fields: Readonly<Record<string, unknown>> = {}): Buffer {
  return Buffer.from(
    JSON.stringify({
      schema: 'tailrace/event/v1',
      event_id: formatEventId(PRODUCER, sequence),
      timestamp: new Date(1_700_000_000_000 + sequence).toISOString(),
      level: 'info',
      message: 'contract',
      service: 'contract',
      'sampling.rule': 'SAMPLED_NORMAL',
      'sampling.rate': 1,
      ...fields,
    }),
  );
}

function batchOf(from: number, to: number): Batch {
  return toBatch(Array.from({ length: to - from + 1 }, (_, index) => eventLine(from + index)));
}

async function send(sink: Sink, batch: Batch, signal: AbortSignal = NEVER): Promise<SinkOutcome> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`send did not settle within ${PATIENCE_MS} ms`)), PATIENCE_MS);
  });
  try {
    return await Promise.race([sink.send(batch, signal), late]);
  } finally {
    clearTimeout(timer);
  }
}

function assertArrived(ids: readonly string[], from: number, to: number): void {
  const arrived = new Set(ids);
  for (let sequence = from; sequence <= to; sequence += 1) {
    assert.ok(arrived.has(formatEventId(PRODUCER, sequence)), `event ${sequence} of ${from} to ${to} has not arrived`);
  }
  assert.equal(arrived.size, to - from + 1, 'events arrived that were not sent');
}
