/** Which segments can't be read, and why: asked when a query failed, and in a cheaper way at every start. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { quoteText } from '../../query/sql-text.ts';
import { type Database, isOutOfMemory } from './database.ts';
import { isMissing } from './durable-files.ts';
import type { Segment } from './manifest.ts';

export interface Unreadable {
  readonly segment: Segment;
  readonly reason: string;
}

/** Looks at the files from outside: they must be there, with the size that they were written with. */
export async function findMissing(directory: string, segments: readonly Segment[]): Promise<Unreadable[]> {
  const found: Unreadable[] = [];
  for (const segment of segments) {
    try {
      const { size } = await stat(join(directory, segment.path));
      if (size !== segment.bytes)
        found.push({ segment, reason: `the file has ${size} bytes instead of ${segment.bytes}` });
    } catch (error) {
      if (!isMissing(error)) throw error;
      found.push({ segment, reason: 'the file is missing' });
    }
  }
  return found;
}

/** Reads every column of every segment, one segment at a time. */
export async function findUnreadable(
  database: Database,
  directory: string,
  segments: readonly Segment[],
): Promise<Unreadable[]> {
  const found = await findMissing(directory, segments);
  for (const segment of segments) {
    if (found.some((unreadable) => unreadable.segment === segment)) continue;
    const file = quoteText(join(directory, segment.path));
    try {
      await database.with((connection) =>
        connection.run(`SELECT max(hash(COLUMNS(*))) FROM read_parquet(${file}, hive_partitioning = false)`),
      );
    } catch (error) {
      // That says nothing of the file: setting it aside would take events away for a moment's want of memory.
      if (isOutOfMemory(error)) continue;
      found.push({ segment, reason: error instanceof Error ? error.message.slice(0, 300) : String(error) });
    }
  }
  return found;
}
