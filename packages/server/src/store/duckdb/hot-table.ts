/** A table in memory that takes events until a commit seals it. */
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { rowOf } from '../event-row.ts';
import type { StoredLine } from '../store.ts';
import { createHotTableSql, insertRowsSql } from './columns.ts';
import { FieldCounter } from './field-counts.ts';
import { newId } from './new-id.ts';
import { Readers } from './readers.ts';
import { TextNotes } from './text-notes.ts';

export class HotTable {
  readonly name: string;
  readonly fields = new FieldCounter();
  readonly texts = new TextNotes();
  readonly readers: Readers;
  events = 0;
  sampled = 0;
  minMs = Number.POSITIVE_INFINITY;
  maxMs = Number.NEGATIVE_INFINITY;

  private constructor(name: string, readers: Readers) {
    this.name = name;
    this.readers = readers;
  }

  static async create(
    connection: DuckDBConnection,
    number: number,
    drop: (name: string) => Promise<void>,
  ): Promise<HotTable> {
    const name = `hot_${number}`;
    await connection.run(createHotTableSql(name));
    return new HotTable(name, new Readers(() => drop(name)));
  }

  /** Takes all of the lines, or none where it throws. */
  async insert(connection: DuckDBConnection, lines: readonly StoredLine[], directory: string): Promise<void> {
    const rows = lines.map(({ line, row }) => row ?? rowOf(parseEvent(line)));
    const file = join(directory, 'tmp', `${newId()}.ndjson`);
    try {
      const texts = rows.map(({ known, attributes }) => `${known},"attributes":${attributes}}\n`);
      await writeFile(file, texts.join(''));
      const longest = texts.reduce((length, text) => Math.max(length, text.length), 0);
      await connection.run(insertRowsSql(this.name, file, longest));
    } finally {
      await rm(file, { force: true });
    }
    this.events += lines.length;
    for (const row of rows) {
      this.fields.addShape(row.shape);
      this.texts.add(row);
      if (row.isSampled) this.sampled += 1;
    }
    for (const { timestampMs } of lines) {
      if (timestampMs < this.minMs) this.minMs = timestampMs;
      if (timestampMs > this.maxMs) this.maxMs = timestampMs;
    }
  }
}

function parseEvent(line: string): Readonly<Record<string, unknown>> {
  const event: unknown = JSON.parse(line);
  if (typeof event !== 'object' || event === null)
    throw new TypeError(`an event must be a JSON object: ${line.slice(0, 80)}`);
  return Object.fromEntries(Object.entries(event));
}
