/**
 * How a keep decision travels back up the call chain.
 *
 * A service that keeps its event for a rule (not by the share of normal events, on which everybody decides alike
 * anyway) says so in the headers of its response: `tailrace-kept: HAS_ERROR;rate=1`. The caller that reads it keeps its
 * own event too, under the rule `CALLEE_KEPT` with that rate, and says so to its own caller. Headers go out before a
 * response has ended, so what only shows later (a stream that fails in the middle) can't be told this way.
 */

/** The response header that carries a keep decision. */
export const KEPT_HEADER = 'tailrace-kept';

export interface KeepSignal {
  readonly rule: string;
  readonly rate: number;
}

const SIGNAL =
  /^([A-Za-z][A-Za-z0-9_.-]{0,63});rate=(0?\.[0-9]{1,17}|[01](?:\.0{1,17})?|[0-9](?:\.[0-9]{1,17})?e-[0-9]{1,2})$/;

export function formatKeepSignal(signal: KeepSignal): string {
  return `${signal.rule};rate=${signal.rate}`;
}

export function parseKeepSignal(header: string | null | undefined): KeepSignal | undefined {
  if (header === null || header === undefined || header.length > 128) return undefined;
  const match = SIGNAL.exec(header.trim());
  const rate = Number(match?.[2]);
  if (match?.[1] === undefined || !(rate > 0 && rate <= 1)) return undefined;
  return { rule: match[1], rate };
}
