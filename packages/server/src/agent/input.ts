import type { Multiline } from './continuation.ts';
import type { Format, Zone } from './parse/parsed-entry.ts';

/** One entry of `inputs:`, checked. */
export interface AgentInput {
  readonly name: string;
  /** Globs, absolute. */
  readonly include: readonly string[];
  readonly exclude: readonly string[];
  readonly format: Format;
  readonly multiline: Multiline;
  readonly zone: Zone;
  /** Where reading begins in files that are there when the input is followed for the first time. */
  readonly from: 'start' | 'end';
  readonly service: string | undefined;
  readonly environment: string | undefined;
  readonly version: string | undefined;
  /** Its named groups become fields of each event of the file. */
  readonly pathPattern: RegExp | undefined;
  readonly fields: Readonly<Record<string, string | number | boolean>>;
}
