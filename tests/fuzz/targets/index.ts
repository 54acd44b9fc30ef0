import type { FuzzTarget } from '../target.ts';
import { configuration } from './configuration.ts';
import { names } from './names.ts';
import { ndjson } from './ndjson.ts';
import { plan } from './plan.ts';
import { redactionPatterns } from './redaction-patterns.ts';
import { search } from './search.ts';
import { spoolSegment } from './spool-segment.ts';

export const TARGETS: readonly FuzzTarget[] = [
  search,
  plan,
  ndjson,
  spoolSegment,
  names,
  configuration,
  redactionPatterns,
];
