import { EVENT_SCHEMA, formatEventId, type Level } from '../event.ts';
import type { Ledger } from '../ledger/index.ts';
import { keepAside } from '../logger/line.ts';
import type { Decision, Policy, Subject } from '../sampling/index.ts';
import type { OpenScope } from '../scope/open-scope.ts';
import type { Frame } from '../scope/scope.ts';
import type { Serialiser } from '../serialise/index.ts';
import type { Spool } from '../spool/types.ts';

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
  /** Told of faults of our own. */
  readonly onFault: (error: unknown) => void;
}

export interface Recorder {
  recordScope(scope: OpenScope): void;
  /** Counts an ordinary line in a scope that isn't kept; false where it has to be made, and recorded. */
  leaveOutLine(level: Level, frame: Frame): boolean;
  /** A line, or anything else whose fields are complete. */
  recordLine(line: Subject & { readonly fields: Record<string, unknown> }): void;
}

/** Keys that only the recorder may write. */
const RESERVED = ['schema', 'event_id', 'timestamp', 'sampling.rule', 'sampling.rate'] as const;

export function createRecorder(parts: RecorderParts): Recorder {
  const { producer, policy, ledger, serialiser, spool, onAppend, onFault } = parts;
  const timestamp = createTimestamps(parts.now);

  const write = (record: Record<string, unknown>, decision: Decision, sequence: number): void => {
    for (const key of RESERVED) if (record[key] !== undefined) keepAside(record, key);
    record.schema = EVENT_SCHEMA;
    record.event_id = formatEventId(producer, sequence);
    record.timestamp = timestamp();
    record['sampling.rule'] = decision.rule;
    record['sampling.rate'] = decision.rate;
    spool.append(serialiser.serialise(record), sequence, decision.urgent);
    onAppend();
  };

  /** Nothing in here should throw. Should it all the same, the event is lost, and says so; the application goes on. */
  const keep = (decision: Decision, recordOf: () => Record<string, unknown>): void => {
    const sequence = ledger.enterKept(decision.rule);
    try {
      write(recordOf(), decision, sequence);
    } catch (error) {
      ledger.enterDropped(sequence, 'internal_fault');
      onFault(error);
    }
  };

  const decide = (subject: Subject): Decision => {
    ledger.enterEmitted();
    try {
      return policy.decide(subject);
    } catch (error) {
      onFault(error);
      return UNDECIDED;
    }
  };

  return {
    recordScope(scope) {
      const own = decide(scope);
      const decision = !own.keep && scope.promised !== undefined ? scope.promised : own;
      if (decision.keep) keep(decision, () => scope.completeRecord());
      else ledger.enterSampledOut(decision.rule, scope.service, scope.routeTemplate);
    },
    leaveOutLine(level, frame) {
      const decision = policy.decideOrdinaryLine(level, frame.scope);
      if (decision === undefined || decision.keep) return false;
      ledger.enterEmitted();
      ledger.enterSampledOut(decision.rule, frame.service, frame.scope.route);
      return true;
    },
    recordLine(line) {
      const decision = decide(line);
      if (decision.keep) keep(decision, () => line.fields);
      else ledger.enterSampledOut(decision.rule, line.service, line.route);
    },
  };
}

/** What the policy could not decide on is kept. */
const UNDECIDED: Decision = { keep: true, rule: 'UNDECIDED', rate: 1, urgent: false };

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
