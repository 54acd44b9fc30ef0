export { Ledger, type LedgerOwner, type SampledOut } from './ledger.ts';
export * from './ledger-line.ts';
export { SequenceSet } from './sequence-set.ts';
