import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BREAKER_PRESETS, Breaker, breakerOptionsOf } from './breaker.ts';
import type { Clock } from './clock.ts';
import { SPOOL_STAGE, type StageChange, StageWatch, stageOfSink } from './stages.ts';

/** A clock that a test moves. */
function handClock(): Clock & { pass(ms: number): void } {
  let nowMs = 0;
  const timers = new Set<{ readonly at: number; readonly fn: () => void }>();
  return {
    now: () => nowMs,
    after(ms, fn) {
      const timer = { at: nowMs + ms, fn };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    pass(ms) {
      const end = nowMs + ms;
      for (;;) {
        const due = [...timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
        if (due === undefined) break;
        timers.delete(due);
        nowMs = due.at;
        due.fn();
      }
      nowMs = end;
    },
  };
}

function watch(holdMs = 1_000) {
  const clock = handClock();
  const changes: StageChange[] = [];
  const stages = [stageOfSink('kafka'), stageOfSink('orders-db', 'mongodb'), SPOOL_STAGE];
  const told = new StageWatch(stages, holdMs, clock, (change) => changes.push(change));
  const names = () => changes.map(({ from, to }) => `${from.stage} > ${to.stage}`);
  return { clock, changes, names, told };
}

describe('the stage of a route', () => {
  test('falls at once, step by step, and is back when a better one has held', () => {
    const { clock, names, told, changes } = watch();
    clock.pass(500);
    told.note([false, true]);
    expect(names()).toEqual(['queue > database']);
    expect(changes[0]).toMatchObject({ isFall: true, heldMs: 500 });
    told.note([false, false]);
    expect(told.stage).toEqual({ stage: 'file', name: 'spool' });
    told.note([false, true]);
    clock.pass(999);
    expect(names()).toHaveLength(2);
    clock.pass(1);
    told.note([true, true]);
    clock.pass(1_000);
    expect(names()).toEqual(['queue > database', 'database > file', 'file > database', 'database > queue']);
    expect(changes.at(-1)?.isFall).toBe(false);
  });

  test('makes two alerts of a broker that flaps two hundred times', () => {
    const { clock, names, told } = watch();
    for (let i = 0; i < 200; i += 1) {
      told.note([false, true]);
      clock.pass(600);
      told.note([true, true]);
      clock.pass(600);
    }
    clock.pass(400);
    expect(names()).toEqual(['queue > database', 'database > queue']);
  });

  test('must hold longer the more often it fell soon after its return', () => {
    const { clock, names, told } = watch();
    // Up for two seconds, which would be enough to hold, and down for one: again and again.
    for (let i = 0; i < 200; i += 1) {
      told.note([false, true]);
      clock.pass(1_000);
      told.note([true, true]);
      clock.pass(2_000);
    }
    clock.pass(32_000);
    expect(names().length).toBeLessThanOrEqual(6);
    expect(told.stage.stage).toBe('queue');
  });

  test('is always the worst of late, and in the end what the sinks say', () => {
    const step = fc.record({ isUp: fc.tuple(fc.boolean(), fc.boolean()), ms: fc.integer({ min: 0, max: 3_000 }) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 50 }), (steps) => {
        const { clock, changes, told } = watch();
        const order = ['queue', 'database', 'file'];
        for (const { isUp, ms } of steps) {
          told.note(isUp);
          const real = isUp.indexOf(true);
          expect(order.indexOf(told.stage.stage)).toBeGreaterThanOrEqual(real < 0 ? 2 : real);
          clock.pass(ms);
        }
        for (const [i, change] of changes.entries()) {
          expect(change.isFall).toBe(order.indexOf(change.to.stage) > order.indexOf(change.from.stage));
          if (i > 0) expect(change.from).toEqual(changes[i - 1]?.to);
        }
        clock.pass(64_000);
        const last = steps.at(-1)?.isUp ?? [true, true];
        const real = last.indexOf(true);
        expect(told.stage.stage).toBe(order[real < 0 ? 2 : real]);
      }),
    );
  });
});

describe('a breaker', () => {
  test('of a preset opens after its failures, and closes after its successes, one try at a time', () => {
    for (const preset of ['critical', 'standard', 'noncritical'] as const) {
      const clock = handClock();
      const { failures, successes, openMs } = BREAKER_PRESETS[preset];
      const breaker = new Breaker(breakerOptionsOf(preset), clock);
      for (let i = 0; i < failures; i += 1) {
        expect(breaker.state).toBe('closed');
        breaker.failed();
      }
      expect(breaker.state).toBe('open');
      expect(breaker.enter()).toBe(false);
      clock.pass(openMs / 10);
      for (let i = 0; i < successes; i += 1) {
        expect(breaker.state).not.toBe('closed');
        expect(breaker.enter()).toBe(true);
        expect(breaker.enter()).toBe(false);
        expect(breaker.admitsAt).toBe(Number.POSITIVE_INFINITY);
        breaker.succeeded();
      }
      expect(breaker.state).toBe('closed');
    }
  });

  test('that fails between its successes opens again, for longer, and never beyond its bound', () => {
    const clock = handClock();
    const breaker = new Breaker({ failures: 1, successes: 2, openMs: 1_000 }, clock);
    breaker.failed();
    const openings: number[] = [];
    for (let i = 0; i < 6; i += 1) {
      openings.push(breaker.admitsAt - clock.now());
      clock.pass(breaker.admitsAt - clock.now());
      expect(breaker.enter()).toBe(true);
      breaker.succeeded();
      expect(breaker.enter()).toBe(true);
      breaker.failed();
      expect(breaker.state).toBe('open');
    }
    expect(openings).toEqual([100, 200, 400, 800, 1_000, 1_000]);
  });
});
