/** The files that a campaign leaves behind, read as any other program would read them. */
import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { parseEventId } from 'tailrace/event';
import type { StoredEvent } from './judge.ts';

const COLUMNS = ['event_id', 'service', 'topic', 'request_id'] as const;
const CHUNK_BYTES = 1 << 20;

/** Every event in the Parquet files of a server that has ended. */
export async function readStoredEvents(storeFolder: string): Promise<StoredEvent[]> {
  return query(storeFolder, COLUMNS.join(', '), (columns) => {
    const [ids = [], services = [], topics = [], requestIds = []] = columns;
    return ids.map((id, i) => {
      const name = parseEventId(String(id));
      if (name === undefined) throw new Error(`the store holds an event without a right id: ${String(id)}`);
      return {
        producer: name.producer,
        sequence: name.sequence,
        service: String(services[i] ?? ''),
        topic: String(topics[i] ?? ''),
        requestId: String(requestIds[i] ?? ''),
      };
    });
  });
}

/**
 * Files below a folder that hold one of these texts, Parquet files by their content.
 *
 * @param folder - where the data of all parts is
 */
export async function findForbidden(folder: string, storeFolder: string, texts: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  for (const entry of entries) {
    if (!entry.isFile() || entry.name.endsWith('.parquet')) continue;
    const path = join(entry.parentPath, entry.name);
    const text = await findIn(path, texts);
    if (text !== undefined) found.push(`${path} holds ${text}`);
  }
  for (const text of texts) {
    const condition = `count(*) FILTER (contains(CAST(event AS VARCHAR), '${text.replaceAll("'", "''")}'))`;
    const [[count] = []] = await query(storeFolder, condition, (columns) => [...columns]);
    if (Number(count ?? 0) > 0) found.push(`${Number(count)} events in the store hold ${text}`);
  }
  return found;
}

async function query<T>(
  storeFolder: string,
  what: string,
  read: (columns: readonly (readonly unknown[])[]) => T,
): Promise<T> {
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  try {
    const result = await connection.runAndReadAll(
      `SELECT ${what} FROM read_parquet($1, union_by_name = true) AS event`,
      [`${storeFolder}/segments/**/*.parquet`],
    );
    return read(result.getColumns());
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

async function findIn(path: string, texts: readonly string[]): Promise<string | undefined> {
  const overlap = Math.max(...texts.map((text) => Buffer.byteLength(text))) - 1;
  const file = await open(path, 'r');
  try {
    const buffer = Buffer.alloc(CHUNK_BYTES + overlap);
    for (let kept = 0; ; ) {
      const { bytesRead } = await file.read(buffer, kept, CHUNK_BYTES, null);
      if (bytesRead === 0) return undefined;
      const chunk = buffer.subarray(0, kept + bytesRead);
      const text = texts.find((candidate) => chunk.includes(candidate));
      if (text !== undefined) return text;
      kept = Math.min(overlap, chunk.length);
      chunk.copy(buffer, 0, chunk.length - kept);
    }
  } finally {
    await file.close();
  }
}
