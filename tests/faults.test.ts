/** The campaign of faults in short, and whether its judge is awake. */
import { describe, expect, it } from 'vitest';
import { runCampaign } from '../faults/campaign/campaign.ts';
import { type Evidence, judge, type StoredEvent } from '../faults/campaign/judge.ts';
import { parseTestimony, type Testimony } from '../faults/campaign/oracle.ts';
import { requestIdOf, SERVICE } from '../faults/campaign/planted.ts';
import { stepsOf } from '../faults/campaign/schedule.ts';
import type { LedgerTotals } from './server-client.ts';

const SECONDS = 40;

describe('everything in trouble at once', () => {
  it('loses nothing, doubles nothing and invents nothing', async () => {
    const seed =
      process.env.FAULTS_SEED === undefined ? Math.floor(Math.random() * 1e6) : Number(process.env.FAULTS_SEED);
    console.log(`FAULTS_SEED=${seed} npx vitest run tests/faults.test.ts`);
    const lines: string[] = [];
    const report = await runCampaign({
      seed,
      seconds: SECONDS,
      queue: 'spool',
      pace: 4,
      perSecond: 40,
      say: (line) => lines.push(line),
    });
    expect(report.faults, `seed ${seed}\n${lines.join('\n')}`).toEqual([]);
    expect(report.kills).toBeGreaterThan(10);
  }, 300_000);
});

const PRODUCER = '0mb1x9k3fqz7a';

function testimonyOf(lines: readonly string[]): Testimony {
  const testimony = parseTestimony(`p ${PRODUCER}\n${lines.join('\n')}\n`);
  if (testimony === undefined) throw new Error('it has an id');
  return testimony;
}

function event(sequence: number, n = sequence): StoredEvent {
  return { producer: PRODUCER, sequence, service: SERVICE, topic: '', requestId: requestIdOf(PRODUCER, n) };
}

function totals(numbers: Partial<LedgerTotals>): LedgerTotals {
  const { kept = 5 } = numbers;
  return {
    emitted: kept,
    kept,
    sampledOut: 0,
    sampledOutByRule: {},
    stored: 5,
    inFlight: 0,
    dead: 0,
    dropped: 0,
    droppedByReason: {},
    missing: 0,
    duplicates: 0,
    ...numbers,
  };
}

/** Five events that were promised and stored, and what is different. */
function evidence(
  different: { lines?: readonly string[]; stored?: readonly StoredEvent[]; ledger?: Partial<LedgerTotals> } = {},
): Evidence {
  const sums = totals(different.ledger ?? {});
  return {
    testimonies: [testimonyOf(different.lines ?? ['i 1 5', 'w 1 2 3', 'w 4 5'])],
    stored: different.stored ?? [1, 2, 3, 4, 5].map((n) => event(n)),
    ledger: { totals: sums, producers: [{ producer: PRODUCER, service: SERVICE, closed: true, ...sums }] },
    torn: new Set(),
  };
}

describe('the judge', () => {
  it('finds nothing wrong where nothing is', () => {
    expect(judge(evidence()).faults).toEqual([]);
  });

  it.each<[what: string, evidence: Evidence, fault: RegExp]>([
    [
      'a promised event that is missing',
      evidence({ stored: [1, 2, 4, 5].map((n) => event(n)), ledger: { stored: 4, missing: 1 } }),
      /1 promised events are missing: 3/,
    ],
    [
      'an event that is stored twice',
      evidence({ stored: [1, 2, 3, 3, 4, 5].map((n) => event(n)) }),
      /1 events are stored more than once/,
    ],
    [
      'an event that was stored under two numbers',
      evidence({ lines: ['i 1 4', 'w 1 2 3 4 5'], stored: [event(1), event(2), event(3), event(4, 2), event(5, 4)] }),
      /event 2 is stored under two numbers/,
    ],
    [
      'an event that nobody logged',
      evidence({ stored: [event(1), event(2), event(3), event(4), event(5, 6)] }),
      /event 5 was invented/,
    ],
    [
      'an event that was altered',
      evidence({ stored: [event(1), event(2), event(3), event(4), { ...event(5), requestId: '5-aaaaaaaa' }] }),
      /event 5 was invented/,
    ],
    [
      'an event of a producer that never was',
      evidence({ stored: [...[1, 2, 3, 4, 5].map((n) => event(n)), { ...event(1), producer: '0mb1x9k3fqz7b' }] }),
      /producer 0mb1x9k3fqz7b that never was/,
    ],
    [
      'events in another order',
      evidence({ stored: [event(1), event(2), event(3, 4), event(4, 3), event(5)] }),
      /event 3 got its number after event 4/,
    ],
    [
      'an event that was stored and never written by a producer that ended in order',
      evidence({ lines: ['i 1 5', 'w 1 2 3 4', 'c'] }),
      /1 events are stored that were not written: 5/,
    ],
    [
      'a ledger that counts too many',
      evidence({ ledger: { kept: 6, emitted: 6, stored: 6 } }),
      /the ledger says 6 stored, and there are 5/,
    ],
    [
      'a drop that is not counted',
      evidence({
        lines: ['i 1 6', '! spool_memory_full', 'w 1 2 3 4 5', 'c'],
        ledger: { kept: 6, emitted: 6, missing: 1 },
      }),
      /the ledger says that 1 are missing/,
    ],
    [
      'a drop that no notice had told of',
      evidence({
        lines: ['i 1 6', 'w 1 2 3 4 5'],
        ledger: { kept: 6, emitted: 6, dropped: 1, droppedByReason: { spool_full: 1 } },
      }),
      /no notice had told of it/,
    ],
    [
      'events that the policy was told to leave out, and that are counted as something else',
      evidence({
        lines: ['i 1 5', 'w 1 2 3 4 5', 'c'],
        ledger: { sampledOut: 1, emitted: 6, sampledOutByRule: { LEFT_OUT: 1 } },
      }),
      /0 events were to be left out, and the ledger says 1/,
    ],
  ])('finds %s', (_, given, fault) => {
    expect(judge(given).faults.join('\n')).toMatch(fault);
  });

  it('knows that events about a failing sink are not given to that sink', () => {
    const judgement = judge(
      evidence({
        lines: ['i 1 4', 'w 1 2 3', 'o 4 4', 'w 4', 'w 5'],
        stored: [event(1), event(2), event(3), event(5, 4)],
        ledger: { stored: 4, dropped: 1, droppedByReason: { own_failure: 1 } },
      }),
    );
    expect(judgement.faults).toEqual([]);
  });
});

describe('the schedule', () => {
  it('is the same for the same seed, and begins with each kind of step', () => {
    const first = (seed: number) => [...take(stepsOf('producer', seed, 10, 1), 20)];
    expect(first(7)).toEqual(first(7));
    expect(first(8)).not.toEqual(first(7));
    expect(
      new Set(
        first(7)
          .slice(0, 6)
          .map(({ kind }) => kind),
      ).size,
    ).toBe(6);
  });
});

function* take<T>(values: Iterable<T>, count: number): Generator<T> {
  let taken = 0;
  for (const value of values) {
    if (taken === count) return;
    taken += 1;
    yield value;
  }
}
