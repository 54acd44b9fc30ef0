export { assignFields } from './assign-fields.ts';
export {
  createSerialiser,
  DEFAULT_LIMITS,
  type Serialiser,
  type SerialiserCounts,
  type SerialiserOptions,
} from './serialiser.ts';
