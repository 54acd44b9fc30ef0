export { type Batch, toBatch } from '../delivery/sink.ts';
export { type ContractTest, type SinkUnderTest, sinkContract } from '../delivery/sink-contract.ts';
export { type CollectedEvents, collectEvents, type EventPattern } from './collect-events.ts';
