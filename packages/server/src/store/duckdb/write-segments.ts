/** Writes rows as Parquet segments, one for each hour that has enough of them. */
import { mkdir, rename, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { quoteIdentifier, quoteText } from '../../query/sql-text.ts';
import { ALL_COLUMNS } from './columns.ts';
import { readRows } from './database.ts';
import { removeFile, syncDirectory, syncFile } from './durable-files.ts';
import { MIXED_DAY, MIXED_FOLDER, type Segment } from './manifest.ts';
import { newId } from './new-id.ts';
import type { PromotedColumn } from './promotion.ts';
import { IS_NORMAL_SQL } from './retention.ts';
import { indexPath, removeSegment, writeIndex } from './segment-index.ts';
import type { TextIndex } from './text-index.ts';

const HOUR_MS = 3_600_000;
/** Hours that get a segment of their own in one commit; the rows of the others share one. */
const MAX_HOURS = 12;
/** An hour far from now needs this many rows for a segment of its own: a wrong clock must not make a folder for every hour. */
const MIN_FAR_ROWS = 200;
const NEAR_MS = 26 * HOUR_MS;
const MAX_PRODUCERS = 32;

export interface WrittenSegment {
  readonly day: string;
  readonly segment: Segment;
}

/** Where the rows of one hour go, or those of all hours that have no place of their own. */
interface Partition {
  readonly day: string;
  readonly folder: string;
  readonly condition: string;
}

/** Writes all rows of the tables; where it throws, nothing of it is left in the store's folders. */
export async function writeSegments(
  connection: DuckDBConnection,
  directory: string,
  tables: readonly string[],
  nowMs: number,
  texts: TextIndex,
): Promise<WrittenSegment[]> {
  const written: WrittenSegment[] = [];
  if (tables.length === 0) return written;
  const source = `(${tables.map((table) => `SELECT * FROM ${table}`).join(' UNION ALL ')})`;
  try {
    for (const partition of await choosePartitions(connection, source, nowMs)) {
      const rows = `(SELECT * FROM ${source} WHERE ${partition.condition})`;
      const segment = await writeSegment(connection, directory, partition.folder, rows, nowMs, { texts });
      written.push({ day: partition.day, segment });
    }
    return written;
  } catch (error) {
    for (const { segment } of written) await removeSegment(directory, segment);
    throw error;
  }
}

export interface SegmentExtras {
  /** Attributes that get a column. */
  readonly promoted?: readonly PromotedColumn[];
  /** The texts that its rows can hold; without them it gets no index. */
  readonly texts?: TextIndex | undefined;
}

/** Writes one segment, and its index: under temporary names, synced, then renamed into their folder. */
export async function writeSegment(
  connection: DuckDBConnection,
  directory: string,
  folder: string,
  source: string,
  writtenMs: number,
  { promoted = [], texts }: SegmentExtras = {},
): Promise<Segment> {
  const name = `${newId()}.parquet`;
  const temporary = join(directory, 'tmp', name);
  const path = join(folder, name);
  try {
    const columns = [ALL_COLUMNS, ...promoted.map(({ name: column, sql }) => `${sql} AS ${quoteIdentifier(column)}`)];
    await connection.run(
      `COPY (SELECT ${columns.join(', ')} FROM ${source} ORDER BY service, "timestamp") TO ${quoteText(temporary)} ` +
        '(FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, ROW_GROUP_SIZE 12288)',
    );
    // What was written is what is described, not what was meant to be written.
    const description = await describeSegment(connection, temporary);
    await syncFile(temporary);
    const { size } = await stat(temporary);
    await makeDurableFolder(directory, folder);
    const index = join(directory, indexPath(path));
    const indexBytes =
      texts === undefined ? undefined : await writeIndex(index, join(directory, 'tmp', indexPath(name)), texts);
    await rename(temporary, join(directory, path));
    await syncDirectory(join(directory, folder));
    const kinds = Object.fromEntries(promoted.map(({ name: column, kind }) => [column, kind]));
    return {
      path,
      bytes: size,
      ...(indexBytes === undefined ? {} : { indexBytes }),
      writtenMs,
      ...(promoted.length === 0 ? {} : { promoted: kinds }),
      ...description,
    };
  } catch (error) {
    await removeFile(temporary);
    await removeSegment(directory, { path });
    throw error;
  }
}

async function describeSegment(
  connection: DuckDBConnection,
  file: string,
): Promise<Omit<Segment, 'path' | 'bytes' | 'indexBytes' | 'writtenMs' | 'promoted'>> {
  const source = `read_parquet(${quoteText(file)}, hive_partitioning = false)`;
  const [totals] = await readRows(
    connection,
    `SELECT count(*)::DOUBLE AS rows, epoch_ms(min("timestamp"))::DOUBLE AS low, epoch_ms(max("timestamp"))::DOUBLE AS high, ` +
      `count(*) FILTER ("sampling.rate" < 1)::DOUBLE AS sampled, ` +
      `count(*) FILTER ${IS_NORMAL_SQL}::DOUBLE AS normal FROM ${source}`,
  );
  const producers = await readRows(
    connection,
    `SELECT parts[1] AS producer, min(n) AS low, max(n) AS high FROM ` +
      `(SELECT parts, TRY_CAST(parts[2] AS DOUBLE) AS n FROM (SELECT string_split(event_id, '-') AS parts FROM ${source})) GROUP BY 1 LIMIT ${MAX_PRODUCERS + 1}`,
  );
  const ranges = producers.map(({ producer, low, high }) => [String(producer), [Number(low), Number(high)]] as const);
  const isComplete =
    producers.length <= MAX_PRODUCERS && producers.every(({ low, high }) => low !== null && high !== null);
  return {
    rows: Number(totals?.rows ?? 0),
    minMs: Number(totals?.low ?? 0),
    maxMs: Number(totals?.high ?? 0),
    sampled: Number(totals?.sampled ?? 0),
    normal: Number(totals?.normal ?? 0),
    ...(isComplete ? { producers: Object.fromEntries(ranges.map(([name, [low, high]]) => [name, [low, high]])) } : {}),
  };
}

async function choosePartitions(connection: DuckDBConnection, source: string, nowMs: number): Promise<Partition[]> {
  const hours = await readRows(
    connection,
    `SELECT (epoch_ms("timestamp") // ${HOUR_MS})::DOUBLE AS hour, count(*)::DOUBLE AS rows FROM ${source} GROUP BY 1 ORDER BY 2 DESC`,
  );
  const own = hours
    .map(({ hour, rows }) => ({ hour: hour === null ? Number.NaN : Number(hour), rows: Number(rows) }))
    .filter(({ hour, rows }) => rows >= MIN_FAR_ROWS || Math.abs(hour * HOUR_MS - nowMs) <= NEAR_MS)
    .filter(({ hour }) => !Number.isNaN(hour))
    .slice(0, MAX_HOURS);
  const partitions = own.map(({ hour }) => hourPartition(hour));
  if (own.length === hours.length) return partitions;
  const others = own.map(({ hour }) => `NOT (${hourCondition(hour)})`);
  const condition = others.length === 0 ? 'true' : others.join(' AND ');
  return [...partitions, { day: MIXED_DAY, folder: MIXED_FOLDER, condition: `coalesce(${condition}, true)` }];
}

function hourPartition(hour: number): Partition {
  const time = new Date(hour * HOUR_MS).toISOString();
  const day = time.slice(0, time.indexOf('T'));
  return { day, folder: `segments/date=${day}/hour=${time.slice(-13, -11)}`, condition: hourCondition(hour) };
}

function hourCondition(hour: number): string {
  return `"timestamp" >= make_timestamp(${hour * HOUR_MS}::BIGINT * 1000) AND "timestamp" < make_timestamp(${(hour + 1) * HOUR_MS}::BIGINT * 1000)`;
}

/** Makes the folders that are missing, and their names durable. */
async function makeDurableFolder(directory: string, folder: string): Promise<void> {
  const first = await mkdir(join(directory, folder), { recursive: true });
  if (first === undefined) return;
  for (let made = join(directory, folder); made.length >= first.length; made = dirname(made))
    await syncDirectory(dirname(made));
}
