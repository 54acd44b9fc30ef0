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
 *
 * Whoever waits for a request waits until its scope has ended. So an ordinary scope is decided on when it ends, and
 * written when this turn of the event loop is over, and answers are on their way; it was never on disk earlier than
 * that. One that must not be lost is written before its end returns, and so is one that holds what the application may
 * still change (see `isSettled`). Numbers are given and counted when events are written, so that the ledger never tells
 * of one that isn't in the spool.
 */
export interface RecorderParts {
  readonly producer: string;
  readonly policy: Policy;
  readonly ledger: Ledger;
  readonly serialiser: Serialiser;
  readonly spool: Spool;
  readonly now: () => number;
  /** Each scope is written when it ends: for who looks at its event at once. @defaultValue false */
  readonly writesAtOnce?: boolean | undefined;
  /** Told after each append. */
  readonly onAppend: () => void;
  /** Told of faults of our own. */
  readonly onFault: (error: unknown) => void;
}

export interface Recorder {
  recordScope(scope: OpenScope): void;
  /** Writes the scopes that ended in this turn of the event loop, now. */
  writeEnded(): void;
  /** Counts an ordinary line in a scope that isn't kept; false where it has to be made, and recorded. */
  leaveOutLine(level: Level, frame: Frame): boolean;
  /** A line, or anything else whose fields are complete. */
  recordLine(line: Subject & { readonly fields: Record<string, unknown> }): void;
}

/** Keys that only the recorder may write. */
const RESERVED = ['schema', 'event_id', 'timestamp', 'sampling.rule', 'sampling.rate'] as const;

/** Scopes that may wait for the end of the turn: a loop that never ends its turn must not fill the memory. */
const MAX_ENDED = 64;

/** A scope that is kept, and not yet written. */
interface EndedScope {
  readonly scope: OpenScope;
  readonly decision: Decision;
  /** When it ended. */
  readonly timestamp: string;
}

export function createRecorder(parts: RecorderParts): Recorder {
  const { producer, policy, ledger, serialiser, spool, onAppend, onFault } = parts;
  const timestamp = createTimestamps(parts.now);
  let ended: EndedScope[] = [];
  let isTurnEndQueued = false;

  const write = (record: Record<string, unknown>, decision: Decision, sequence: number, endedAt: string): void => {
    for (const key of RESERVED) if (record[key] !== undefined) keepAside(record, key);
    record.schema = EVENT_SCHEMA;
    record.event_id = formatEventId(producer, sequence);
    record.timestamp = endedAt;
    record['sampling.rule'] = decision.rule;
    record['sampling.rate'] = decision.rate;
    spool.append(serialiser.serialise(record), sequence, decision.urgent);
    onAppend();
  };

  /** Nothing in here should throw. Should it all the same, the event is lost, and says so; the application goes on. */
  const keep = (decision: Decision, endedAt: string, recordOf: () => Record<string, unknown>): void => {
    ledger.enterEmitted();
    const sequence = ledger.enterKept(decision.rule);
    try {
      write(recordOf(), decision, sequence, endedAt);
    } catch (error) {
      ledger.enterDropped(sequence, 'internal_fault');
      onFault(error);
    }
  };

  const leaveOut = (rule: string, service: string, route: string | undefined): void => {
    ledger.enterEmitted();
    ledger.enterSampledOut(rule, service, route);
  };

  const decide = (subject: Subject): Decision => {
    try {
      return policy.decide(subject);
    } catch (error) {
      onFault(error);
      return UNDECIDED;
    }
  };

  const writeEnded = (): void => {
    // A getter in one of them may end another.
    const batch = ended;
    ended = [];
    for (const { scope, decision, timestamp: endedAt } of batch) keep(decision, endedAt, () => scope.completeRecord());
  };

  const endTurn = (): void => {
    isTurnEndQueued = false;
    writeEnded();
    spool.endTurn();
  };

  return {
    recordScope(scope) {
      const own = decide(scope);
      const decision = !own.keep && scope.promised !== undefined ? scope.promised : own;
      if (!decision.keep) {
        leaveOut(decision.rule, scope.service, scope.routeTemplate);
        return;
      }
      ended.push({ scope, decision, timestamp: timestamp() });
      const mayWait = !decision.urgent && parts.writesAtOnce !== true && ended.length < MAX_ENDED;
      if (!mayWait || !scope.isSettled()) writeEnded();
      else if (!isTurnEndQueued) {
        isTurnEndQueued = true;
        setImmediate(endTurn);
      }
    },
    writeEnded,
    leaveOutLine(level, frame) {
      const decision = policy.decideOrdinaryLine(level, frame.scope);
      if (decision === undefined || decision.keep) return false;
      leaveOut(decision.rule, frame.service, frame.scope.route);
      return true;
    },
    recordLine(line) {
      const decision = decide(line);
      if (decision.keep) keep(decision, timestamp(), () => line.fields);
      else leaveOut(decision.rule, line.service, line.route);
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
