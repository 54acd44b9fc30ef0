import type { RouteStats } from '../delivery/types.ts';
import type { LedgerLine, SampledOut } from '../ledger/index.ts';
import type { SerialiserCounts } from '../serialise/index.ts';
import type { SpoolStats } from '../spool/types.ts';

/** What Tailrace knows of itself, in one place. Every list in it is bounded. */
export interface TailraceStats {
  readonly ledger: LedgerLine;
  /** Events that were not kept, by rule, service and route. */
  readonly sampledOut: readonly SampledOut[];
  /** The rate of normal events as it is now: lower than configured while the spool fills. */
  readonly normalRate: number;
  /** Scopes that are open now. */
  readonly openScopes: number;
  /** Calls that could have no effect, by kind: `set_after_end`, `set_outside_scope`, … */
  readonly misuse: Readonly<Record<string, number>>;
  /** Conditions of the user's rules that threw, by rule. */
  readonly ruleFaults: Readonly<Record<string, number>>;
  readonly spool: SpoolStats;
  readonly serialiser: SerialiserCounts;
  /** What was redacted, by kind. */
  readonly redacted: Readonly<Record<string, number>>;
  readonly routes: readonly RouteStats[];
}
