export { assignFields } from './assign-fields.ts';
export { DEFAULT_LIMITS, SMALLEST_LIMITS } from './limits.ts';
export { RawJson } from './raw-json.ts';
export {
  createSerialiser,
  type Serialiser,
  type SerialiserCounts,
  type SerialiserOptions,
} from './serialiser.ts';
