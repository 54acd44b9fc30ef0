/** Names and values in SQL. */

export type SqlValue = string | number | boolean;

/** The values of one statement, in the order of their `$n`. */
export class Parameters {
  readonly values: SqlValue[] = [];

  bind(value: SqlValue): string {
    this.values.push(value);
    // A whole number would be bound as an INTEGER and overflow; every number of ours is a DOUBLE.
    return typeof value === 'number' ? `$${this.values.length}::DOUBLE` : `$${this.values.length}`;
  }
}

export function quoteIdentifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

export function quoteText(text: string): string {
  const quoted = `'${text.replaceAll("'", "''")}'`;
  // A NUL would end the statement.
  return quoted.includes('\0') ? `(${quoted.replaceAll('\0', "' || chr(0) || '")})` : quoted;
}

/** What DuckDB calls the types of JSON numbers. */
export const IS_NUMBER = "('UBIGINT', 'BIGINT', 'HUGEINT', 'UHUGEINT', 'DOUBLE')";
