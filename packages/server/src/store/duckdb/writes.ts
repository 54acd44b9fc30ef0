/** Takes events into the hot table, and at a commit writes what is there as segments. duckdb-store.ts has the whole idea. */
import type { DuckDBConnection } from '@duckdb/node-api';
import type { Checkpoint, StoredLine } from '../store.ts';
import { type Database, isOutOfMemory } from './database.ts';
import { FieldCounter } from './field-counts.ts';
import { HotTable } from './hot-table.ts';
import type { SegmentSet } from './segment-set.ts';
import { TextIndex } from './text-index.ts';
import { type InTurn, takeTurns } from './turns.ts';
import { writeSegments } from './write-segments.ts';

export interface WritesOptions {
  readonly directory: string;
  readonly segments: SegmentSet;
  readonly database: Database;
  readonly writer: DuckDBConnection;
  readonly clock: () => number;
  /** Keeps the writing of segments apart from other writing. */
  readonly writeInTurn: InTurn;
}

export class Writes {
  readonly #options: WritesOptions;
  #current: HotTable | undefined;
  /** Tables that wait for a commit, oldest first. */
  #sealed: readonly HotTable[] = [];
  #tables = 0;
  #isClosed = false;
  /** Inserts and the sealing of the hot table. */
  readonly #insertInTurn = takeTurns();
  readonly #commitInTurn = takeTurns();

  constructor(options: WritesOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    this.#current = await this.#createTable();
  }

  /** What is in no segment yet. */
  hotTables(): readonly HotTable[] {
    return [...this.#sealed, ...(this.#current === undefined ? [] : [this.#current])];
  }

  insert(lines: readonly StoredLine[]): Promise<void> {
    const { writer, directory, writeInTurn } = this.#options;
    return this.#insertInTurn(async () => {
      const current = this.#openTable();
      if (lines.length === 0) return;
      const insert = (): Promise<void> => current.insert(writer, lines, directory);
      try {
        await insert();
      } catch (error) {
        if (!isOutOfMemory(error)) throw error;
        // A segment is being written, and sorting it takes most of the memory: once more when that is over.
        await writeInTurn(insert);
      }
    });
  }

  commit(checkpoint: Checkpoint): Promise<void> {
    const sealed = this.#insertInTurn(async () => {
      const current = this.#openTable();
      if (current.events > 0) {
        const next = await this.#createTable();
        this.#sealed = [...this.#sealed, current];
        this.#current = next;
      }
      return this.#sealed;
    });
    return this.#commitInTurn(async () => this.#writeTables(await sealed, checkpoint));
  }

  /** Takes nothing more; resolves when what was begun is over. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const nothing = (): Promise<void> => Promise.resolve();
    await Promise.allSettled([this.#insertInTurn(nothing), this.#commitInTurn(nothing)]);
  }

  async #writeTables(tables: readonly HotTable[], checkpoint: Checkpoint): Promise<void> {
    const { database, directory, segments, clock, writeInTurn } = this.#options;
    // A table that an earlier commit has written since is not written twice.
    const waiting = tables.filter((table) => this.#sealed.includes(table));
    const fields = new FieldCounter();
    for (const table of waiting) fields.addCounts(table.fields.toCounts());
    const names = waiting.map(({ name }) => name);
    const written = await writeInTurn(() => {
      const texts = TextIndex.union(waiting.map((table) => table.texts.toIndex()));
      return database.with((connection) => writeSegments(connection, directory, names, clock(), texts));
    });
    // Where this fails the files stay: the manifest on disk may name them already. If it doesn't, they are orphans.
    await segments.commit(written, fields, checkpoint, () => {
      this.#sealed = this.#sealed.filter((table) => !waiting.includes(table));
    });
    for (const table of waiting) table.readers.retire();
  }

  async #createTable(): Promise<HotTable> {
    this.#tables += 1;
    const { writer, database } = this.#options;
    return HotTable.create(writer, this.#tables, async (name) => {
      if (!this.#isClosed) await database.with((connection) => connection.run(`DROP TABLE ${name}`));
    });
  }

  #openTable(): HotTable {
    if (this.#isClosed || this.#current === undefined) throw new Error('the store is closed');
    return this.#current;
  }
}
