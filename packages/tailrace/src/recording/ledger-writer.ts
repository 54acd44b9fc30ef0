import type { Ledger } from '../ledger/index.ts';
import type { Spool } from '../spool/types.ts';

/** Writes the account of this process into its spool. */
export interface LedgerWriter {
  /** Writes a line where the account has changed since the last one; the last line of all is written in any case. */
  write(closed: boolean): void;
  /** True where the account has changed since the last line. */
  readonly isBehind: boolean;
}

/** @param onAppend - told after each line. */
export function createLedgerWriter(ledger: Ledger, spool: Spool, onAppend: () => void): LedgerWriter {
  let written = 0;
  return {
    write(closed) {
      if (written === ledger.changes && !closed) return;
      written = ledger.changes;
      spool.append(JSON.stringify(ledger.line(Date.now(), closed)), 0, closed);
      onAppend();
    },
    get isBehind() {
      return written !== ledger.changes;
    },
  };
}
