/** What an error of ClickHouse, or of the way to it, means for what was sent. */

/** The tables were made by a later version of this program. */
export class LaterVersionError extends Error {
  override readonly name = 'LaterVersionError';
}

export type Fault =
  /** No answer, or one that will be another in a while; what was sent may be there. */
  | { readonly kind: 'away'; readonly reason: string; readonly afterMs?: number }
  /** A wrong user, password or right, or tables of a later version: a mistake that somebody will mend. */
  | { readonly kind: 'misconfigured'; readonly reason: string; readonly afterMs: number }
  /** The rows are what it can't take. */
  | { readonly kind: 'unreadable'; readonly reason: string };

const MISCONFIGURED_AFTER_MS = 60_000;
const TOO_MANY_PARTS_AFTER_MS = 5_000;

/** REQUIRED_PASSWORD, WRONG_PASSWORD, UNKNOWN_USER, DATABASE_ACCESS_DENIED, ACCESS_DENIED, AUTHENTICATION_FAILED, READONLY, UNKNOWN_SETTING */
const MISCONFIGURED: ReadonlySet<number> = new Set([192, 193, 194, 291, 497, 516, 164, 115]);
const TOO_MANY_PARTS = 252;
/** What a row that doesn't fit its table makes: can't parse, no such column, too large a string or array, invalid value. */
const UNREADABLE: ReadonlySet<number> = new Set([
  6, 16, 25, 26, 27, 33, 38, 41, 53, 69, 70, 72, 117, 128, 131, 321, 349, 441,
]);

/** The number of an error that ClickHouse gave, `undefined` where it gave none. */
export function codeOf(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('code' in error) || !('type' in error)) return undefined;
  const code = Number(error.code);
  return Number.isInteger(code) ? code : undefined;
}

export function faultOf(error: unknown): Fault {
  const reason = reasonOf(error);
  const code = codeOf(error);
  if (error instanceof LaterVersionError || (code !== undefined && MISCONFIGURED.has(code))) {
    return { kind: 'misconfigured', reason, afterMs: MISCONFIGURED_AFTER_MS };
  }
  if (code === undefined) return { kind: 'away', reason };
  if (code === TOO_MANY_PARTS) return { kind: 'away', reason, afterMs: TOO_MANY_PARTS_AFTER_MS };
  return UNREADABLE.has(code) ? { kind: 'unreadable', reason } : { kind: 'away', reason };
}

export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // A connection to `localhost` that fails on ::1 and 127.0.0.1 has no message of its own.
  if (error.message === '' && error instanceof AggregateError) return error.errors.map(reasonOf).join('; ');
  const code = codeOf(error);
  return code === undefined ? error.message : `ClickHouse error ${code}: ${error.message.slice(0, 500)}`;
}
