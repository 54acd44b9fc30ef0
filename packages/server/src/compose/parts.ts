/** What one process is made of. What its roles don't need isn't there. */
import type { LiveTail } from '../api/live-tail.ts';
import type { DeadLetterDesk } from '../dead/desk.ts';
import type { StageReport } from '../fallback/stage-report.ts';
import type { LiveConfig } from '../live-config.ts';
import type { Queue } from '../queue/queue.ts';
import type { Bury } from '../sources/bury.ts';
import type { Ingest } from '../sources/ingest.ts';
import type { Store } from '../store/store.ts';
import type { LedgerReport } from '../writer/ledger-report.ts';
import type { Writer } from '../writer/writer.ts';

export interface ServerRuntime {
  readonly config: LiveConfig;
  readonly version: string;
  readonly live: LiveTail;
  /** Where the process takes events in, or writes them, or shares the place of the dead letters with those that do. */
  readonly dead: DeadLetterDesk | undefined;
  readonly bury: Bury | undefined;
  readonly ingest: Ingest | undefined;
  readonly queue: Queue | undefined;
  readonly store: Store | undefined;
  readonly writer: Writer | undefined;
  /** Where a broker stands before the store, and this process publishes to it. */
  readonly stage: StageReport | undefined;
  /** Where this process can see the account of the producers: it has the store, or shares it. */
  readonly ledger: (() => Promise<LedgerReport>) | undefined;
}
