export * from './ledger-line.ts';
export { SequenceSet } from './sequence-set.ts';
