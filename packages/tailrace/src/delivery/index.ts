export { type DeadLetter, readDeadLetters } from './dead-letters.ts';
export { startDelivery } from './delivery.ts';
export { type Batch, type CreateSink, type Sink, type SinkContext, type SinkOutcome, toBatch } from './sink.ts';
export { type ContractTest, type SinkUnderTest, sinkContract } from './sink-contract.ts';
export { deadRootOf } from './start-engine.ts';
export * from './types.ts';
