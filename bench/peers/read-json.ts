/** Values out of answers whose form is the peer's. */

/** @throws Error where the value is no object or has no such key. */
export function field(value: unknown, name: string): unknown {
  if (typeof value === 'object' && value !== null) {
    const found = Object.entries(value).find(([key]) => key === name);
    if (found !== undefined) return found[1];
  }
  throw new Error(`there is no ${name} in ${JSON.stringify(value)?.slice(0, 300)}`);
}

/** A field of a field of a field. */
export function fieldAt(value: unknown, ...path: readonly string[]): unknown {
  return path.reduce(field, value);
}

export function rowsOf(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw new Error(`not a list: ${JSON.stringify(value)?.slice(0, 300)}`);
  return value;
}

export function numbersIn(rows: readonly unknown[], name: string): number[] {
  return rows.map((row) => Number(field(row, name)));
}

export function textIn(rows: readonly unknown[], name: string): string[] {
  return rows.map((row) => String(field(row, name)));
}

/** The objects of a text with one on each line. */
export function linesOfJson(text: string): unknown[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line): unknown => JSON.parse(line));
}
