import type { FsyncPolicy, SpoolOptions } from './types.ts';

const MIB = 1024 * 1024;
const DRAIN_BYTES = MIB;

export interface SpoolSettings {
  readonly maxBytes: number;
  readonly reserveBytes: number;
  readonly segmentBytes: number;
  readonly memoryBytes: number;
  /** How much of what waits in memory is written at once. */
  readonly drainBytes: number;
  readonly fsync: FsyncPolicy;
}

/** @throws RangeError when an option is out of its range */
export function resolveSpoolSettings(options: SpoolOptions): SpoolSettings {
  const maxBytes = positive('maxBytes', options.maxBytes ?? 1024 * MIB);
  const reserveBytes = atLeastZero('reserveBytes', options.reserveBytes ?? maxBytes / 10);
  const fsync = options.fsync ?? 1000;
  if (typeof fsync === 'number') positive('fsync', fsync);
  // A segment is freed whole, and the active one never: a bound must leave room for several.
  const segmentBytes = Math.min(positive('segmentBytes', options.segmentBytes ?? 16 * MIB), maxBytes / 4);
  const memoryBytes = atLeastZero('memoryBytes', options.memoryBytes ?? 8 * MIB);
  return { maxBytes, reserveBytes, segmentBytes, memoryBytes, drainBytes: Math.min(DRAIN_BYTES, segmentBytes), fsync };
}

function positive(name: string, value: number): number {
  if (!(value > 0)) throw new RangeError(`spool: ${name} must be above 0, it is ${value}`);
  return value;
}

function atLeastZero(name: string, value: number): number {
  if (!(value >= 0)) throw new RangeError(`spool: ${name} must not be below 0, it is ${value}`);
  return value;
}
