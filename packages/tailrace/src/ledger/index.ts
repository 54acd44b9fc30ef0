export { Ledger, type LedgerOwner, type SampledOut } from './ledger.ts';
export * from './ledger-line.ts';
export { MAX_INTERVALS_READ, mergeLosses } from './losses.ts';
export { SequenceSet } from './sequence-set.ts';
