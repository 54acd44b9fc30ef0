import type { EventLimits } from '../options.ts';
import type { Redactor } from '../redaction/index.ts';

export interface SerialiserOptions {
  /** Bounds that differ from `DEFAULT_LIMITS`. */
  readonly limits?: Partial<EventLimits> | undefined;
  /** `undefined` writes values as they are. */
  readonly redactor: Redactor | undefined;
  /** Write the stacks of errors. */
  readonly includeStack: boolean;
}

/** What the serialiser had to do since the start, for metrics. */
export interface SerialiserCounts {
  /** Events in which something was cut or left out. */
  readonly truncatedEvents: number;
  /** Values that were cut or left out. */
  readonly truncatedValues: number;
  /** Values that could not be read: a getter that threw, a revoked proxy, a `toJSON` that failed. */
  readonly unreadableValues: number;
}

/** Turns records into lines. Never throws, whatever it is given. */
export interface Serialiser {
  /** One line of flat JSON, without line feed: fixed keys first, in the order of `EVENT_FIELDS`, the rest as given. */
  serialise(record: Readonly<Record<string, unknown>>): string;
  /** The `error.*` keys for anything that was thrown. */
  describeError(error: unknown): Record<string, unknown>;
  counts(): SerialiserCounts;
}

export const DEFAULT_LIMITS: EventLimits = {
  depth: 8,
  keys: 512,
  items: 256,
  stringLength: 16_384,
  eventBytes: 262_144,
};

export function createSerialiser(_options: SerialiserOptions): Serialiser {
  return {
    serialise: (record) => JSON.stringify(record),
    describeError: (error) => {
      if (!(error instanceof Error)) return { 'error.type': typeof error, 'error.message': String(error) };
      return { 'error.code': error.name, 'error.type': error.name, 'error.message': error.message };
    },
    counts: () => ({ truncatedEvents: 0, truncatedValues: 0, unreadableValues: 0 }),
  };
}
