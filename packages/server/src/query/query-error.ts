/** A query that can't be run as it is written. */
export class QueryError extends Error {
  override readonly name = 'QueryError';
  readonly code: string;
  /** Character in the search string at which the fault is, from 0. */
  readonly position: number | undefined;

  constructor(code: string, message: string, position?: number) {
    super(message);
    this.code = code;
    this.position = position;
  }
}
