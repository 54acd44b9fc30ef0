export { type CollectedEvents, collectEvents, type EventPattern } from './collect-events.ts';
