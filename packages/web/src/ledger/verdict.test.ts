import { expect, test } from 'vitest';
import type { Ledger, LedgerTotals, ProducerAccount } from '../api/types.ts';
import { verdictOf } from './verdict.ts';

const NOTHING: LedgerTotals = {
  emitted: 0,
  kept: 0,
  keptByRule: {},
  sampledOut: 0,
  sampledOutByRule: {},
  stored: 0,
  inFlight: 0,
  dropped: 0,
  droppedByReason: {},
  dead: 0,
  deadByRoute: {},
  missing: 0,
  duplicates: 0,
};
const PRODUCER: ProducerAccount = {
  ...NOTHING,
  producer: 'p',
  service: 'shop',
  host: 'h',
  pid: 1,
  started: null,
  firstSeen: '',
  lastSeen: '',
  closed: false,
  reported: true,
  missingIntervals: [],
};
const ledger = (totals: Partial<LedgerTotals>): Ledger => ({
  producers: [PRODUCER],
  totals: { ...NOTHING, ...totals },
});

test('the worst that is true is what is said', () => {
  expect(verdictOf(ledger({ kept: 5, stored: 5 })).kind).toBe('complete');
  expect(verdictOf(ledger({ kept: 5, stored: 3, inFlight: 2 })).kind).toBe('moving');
  expect(verdictOf(ledger({ kept: 5, stored: 3, inFlight: 1, dead: 1 })).kind).toBe('accounted');
  expect(verdictOf(ledger({ kept: 5, stored: 3, dropped: 1, missing: 1 })).kind).toBe('missing');
});

test('no producer is not the same as nothing missing', () => {
  expect(verdictOf({ producers: [], totals: NOTHING }).kind).toBe('none');
  expect(verdictOf({ producers: [], totals: NOTHING, folded: { producers: 2, forgotten: 0 } }).kind).toBe('complete');
});
