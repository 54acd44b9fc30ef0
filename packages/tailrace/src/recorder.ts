import { EVENT_SCHEMA, formatEventId } from './event.ts';
import type { Ledger } from './ledger/index.ts';
import { keepAside } from './line.ts';
import type { Decision, Policy, Subject } from './sampling/index.ts';
import type { OpenScope } from './scope.ts';
import type { Serialiser } from './serialise/index.ts';
import type { Spool } from './spool/types.ts';

/**
 * The way of every event on the application's thread: decide, redact and serialise once, append to the spool. What the
 * policy doesn't keep ends in a counter. This is the hot path: it makes no object that it can do without.
 */
export interface RecorderParts {
  readonly producer: string;
  readonly policy: Policy;
  readonly ledger: Ledger;
  readonly serialiser: Serialiser;
  readonly spool: Spool;
  readonly now: () => number;
  /** Told after each append. */
  readonly onAppend: () => void;
}

export interface Recorder {
  recordScope(scope: OpenScope): void;
  /** A line, or anything else whose fields are complete. */
  recordLine(line: Subject & { readonly fields: Record<string, unknown> }): void;
}

/** Keys that only the recorder may write. */
const RESERVED = ['schema', 'event_id', 'timestamp', 'sampling.rule', 'sampling.rate'] as const;

export function createRecorder(parts: RecorderParts): Recorder {
  const { producer, policy, ledger, serialiser, spool, onAppend } = parts;
  const timestamp = createTimestamps(parts.now);

  const write = (record: Record<string, unknown>, decision: Decision): void => {
    for (const key of RESERVED) if (record[key] !== undefined) keepAside(record, key);
    const sequence = ledger.enterKept(decision.rule);
    record.schema = EVENT_SCHEMA;
    record.event_id = formatEventId(producer, sequence);
    record.timestamp = timestamp();
    record['sampling.rule'] = decision.rule;
    record['sampling.rate'] = decision.rate;
    let line: string;
    try {
      line = serialiser.serialise(record);
    } catch {
      // The serialiser promises not to throw. Should it break its word, the event is lost, and says so.
      ledger.enterDropped(sequence, 'serialise_failed');
      return;
    }
    spool.append(line, sequence, decision.urgent);
    onAppend();
  };

  return {
    recordScope(scope) {
      ledger.enterEmitted();
      const own = policy.decide(scope);
      const decision = !own.keep && scope.promised !== undefined ? scope.promised : own;
      if (decision.keep) write(scope.completeRecord(), decision);
      else ledger.enterSampledOut(decision.rule, scope.service, scope.routeTemplate);
    },
    recordLine(line) {
      ledger.enterEmitted();
      const decision = policy.decide(line);
      if (decision.keep) write(line.fields, decision);
      else ledger.enterSampledOut(decision.rule, line.service, line.route);
    },
  };
}

/** The time as RFC 3339, made once for each millisecond. */
function createTimestamps(now: () => number): () => string {
  let atMs = Number.NaN;
  let text = '';
  return () => {
    const nowMs = now();
    if (nowMs !== atMs) {
      atMs = nowMs;
      text = new Date(nowMs).toISOString();
    }
    return text;
  };
}
