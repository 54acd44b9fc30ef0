/**
 * A query that can't be run, or couldn't be finished. The code says which:
 *
 * - `SEARCH_SYNTAX`, `SEARCH_TOO_DEEP`, `SEARCH_TOO_LONG`, `NOT_A_NUMBER`, `NOT_A_TIME`, `FIELD_TYPE`: the search string, with the place of the fault
 * - `BAD_TIME`, `BAD_RANGE`, `BAD_BUCKET`, `BAD_AGGREGATE`, `BAD_ORDER`: the plan
 * - `QUERY_TIMEOUT`, `QUERY_CANCELLED`, `TOO_MANY_QUERIES`, `QUERY_TOO_LARGE`: the plan is sound, but could not be run now
 */
export class QueryError extends Error {
  override readonly name = 'QueryError';
  readonly code: string;
  /** Character in the search string at which the fault is, from 0. */
  readonly position: number | undefined;
  /** What to write instead. */
  readonly hint: string | undefined;

  constructor(code: string, message: string, position?: number, hint?: string) {
    super(message);
    this.code = code;
    this.position = position;
    this.hint = hint;
  }
}
