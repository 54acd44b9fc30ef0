import type { Level } from '../event.ts';
import { Line, type LineHost } from '../logger/line.ts';
import type { SamplingHint } from '../sampling/policy.ts';
import type { Recorder } from './recorder.ts';

/** Records what Tailrace says of itself, as an event of its own outside of every scope. */
export type RecordOwnLine = (
  level: Level,
  message: string,
  topic: string,
  fields: Readonly<Record<string, unknown>>,
) => void;

export function createOwnLines(recorder: Recorder, host: LineHost): RecordOwnLine {
  return (level, message, topic, fields) => {
    recorder.recordLine(new OwnLine(host, undefined, level, message, topic, fields, undefined));
  };
}

/** It is no traffic: no share of it is left out. */
class OwnLine extends Line {
  override get rateHint(): SamplingHint {
    return KEPT_WHOLE;
  }
}

const KEPT_WHOLE: SamplingHint = { rule: 'SAMPLING_HINT', rate: 1 };
