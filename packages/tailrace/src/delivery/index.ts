export { type DeadLetter, readDeadLetters } from './dead-letters.ts';
export { startDelivery } from './delivery.ts';
export { type Batch, type CreateSink, type Sink, type SinkContext, type SinkOutcome, toBatch } from './sink.ts';
export * from './types.ts';
