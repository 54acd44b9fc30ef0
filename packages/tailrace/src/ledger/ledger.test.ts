import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Ledger } from './ledger.ts';
import { LEDGER_LINE_START } from './ledger-line.ts';

function newLedger(): Ledger {
  return new Ledger({ producer: '0mb1x9k3fqz7a', service: 'shop', host: 'h', pid: 1, startedMs: 0 });
}

const sum = (counts: Readonly<Record<string, number>>): number => Object.values(counts).reduce((a, b) => a + b, 0);

describe('the ledger', () => {
  it('balances after any course of events', () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('kept' as const), rule: fc.constantFrom('HAS_ERROR', 'SAMPLED_NORMAL') }),
      fc.record({
        kind: fc.constant('out' as const),
        rule: fc.constantFrom('SAMPLED_NORMAL', 'MINE'),
        route: fc.string(),
      }),
    );
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        const ledger = newLedger();
        for (const one of steps) {
          ledger.enterEmitted();
          if (one.kind === 'kept') ledger.enterKept(one.rule);
          else ledger.enterSampledOut(one.rule, 'shop', one.route);
        }
        const line = ledger.line(0, false);
        expect(line.emitted).toBe(sum(line.kept) + sum(line.sampled_out));
        expect(line.sequence).toBe(sum(line.kept));
        expect(line.emitted).toBe(steps.length);
      }),
    );
  });

  it('stays bounded when every request has a route of its own, and exact in its sums', () => {
    const ledger = newLedger();
    for (let i = 0; i < 50_000; i += 1) ledger.enterSampledOut('SAMPLED_NORMAL', `service-${i % 3_000}`, `/r/${i}`);
    expect(ledger.sampledOut().length).toBeLessThan(3_000);
    expect(ledger.line(0, false).sampled_out).toEqual({ SAMPLED_NORMAL: 50_000 });
  });

  it('names what was dropped as long as that is short, and counts it always', () => {
    const ledger = newLedger();
    for (let i = 1; i <= 10_000; i += 2) ledger.enterDropped(i, 'spool_full');
    const lost = ledger.line(0, false).dropped.spool_full;
    expect(lost?.count).toBe(5_000);
    expect(lost?.sequences.length).toBe(1_000);
    expect(lost?.sequences[0]).toEqual([1, 1]);
  });

  it('begins its line so that a reader knows it without parsing', () => {
    expect(JSON.stringify(newLedger().line(0, true)).startsWith(LEDGER_LINE_START)).toBe(true);
  });
});
