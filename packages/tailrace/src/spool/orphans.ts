import { open, readdir, rename, rmdir, unlink } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { highestCursorSegment, listCursors, readCursor } from './cursor.ts';
import { syncDirectory } from './device-sync.ts';
import { isOrphaned } from './lock.ts';
import { errorCode, FILE_MODE, hasCode, listSegmentNumbers, listSegments, segmentPath } from './segment.ts';

/**
 * Folders below `spoolRoot` whose process is gone and that nobody has adopted. Each must still be claimed, which only one
 * of several adopters can.
 *
 * @param except - folders to leave out, as that of this process.
 */
export async function findOrphans(spoolRoot: string, except: readonly string[] = []): Promise<string[]> {
  const known = new Set(except.map((directory) => resolve(directory)));
  const orphans: string[] = [];
  for (const entry of await entriesOf(spoolRoot)) {
    const directory = join(spoolRoot, entry.name);
    if (!entry.isDirectory() || known.has(resolve(directory))) continue;
    try {
      if (isOrphaned(directory)) orphans.push(directory);
    } catch {
      // A folder that can't be looked into can't be adopted either.
    }
  }
  return orphans.sort();
}

/** True where every cursor has passed everything that is in the folder. Lines that no cursor waits for are not passed. */
export async function isSpoolDrained(directory: string): Promise<boolean> {
  const segments = (await listSegments(directory)).filter((segment) => segment.bytes > 0);
  const last = segments.at(-1);
  if (last === undefined) return true;
  const names = await listCursors(directory);
  for (const name of names) {
    const cursor = await readCursor(directory, name);
    if (cursor.kind !== 'found') return false;
    const { segment, offset } = cursor.position;
    if (segment < last.segment || (segment === last.segment && offset < last.bytes)) return false;
  }
  return names.length > 0;
}

/**
 * Adds lines to the folder of a dead producer, durably, as one whole segment after all others: readers that are at work
 * go on to it. The caller has claimed the folder.
 *
 * @param body - whole lines, each ended by a line feed.
 */
export async function addLastSegment(directory: string, body: Buffer): Promise<void> {
  const last = (await listSegmentNumbers(directory)).at(-1) ?? 0;
  const path = segmentPath(directory, Math.max(last, highestCursorSegment(directory)) + 1);
  // Under its own name only when it is whole: a reader of an ended spool takes what it finds for the end.
  const temporary = `${path}.tmp`;
  const file = await open(temporary, 'w', FILE_MODE);
  try {
    await file.writeFile(body);
    await file.datasync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
  await syncDirectory(directory);
}

/**
 * Removes the folder of a dead producer when everything in it is delivered, dead or dropped; false, and nothing is
 * touched, when it isn't. The caller has claimed it. Dead letters don't live in it.
 */
export async function removeSpool(directory: string): Promise<boolean> {
  if (!(await isSpoolDrained(directory))) return false;
  // The segments first and the lock last: whatever a crash leaves is adopted again, and brings lines twice at worst.
  for (const { segment } of await listSegments(directory)) await unlink(segmentPath(directory, segment));
  const cursors = join(directory, 'cursors');
  for (const entry of await entriesOf(cursors)) await unlink(join(cursors, entry.name));
  await removeFolder(cursors);
  for (const entry of await entriesOf(directory)) {
    if (entry.name.startsWith('lock') || entry.name.endsWith('.ndjson.tmp')) await unlink(join(directory, entry.name));
  }
  await removeFolder(directory);
  return true;
}

async function entriesOf(directory: string) {
  try {
    return await readdir(directory, { withFileTypes: true });
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return [];
    throw error;
  }
}

async function removeFolder(directory: string): Promise<void> {
  try {
    await rmdir(directory);
  } catch (error) {
    // Somebody put a file of his own there: it stays.
    if (!['ENOENT', 'ENOTEMPTY', 'EEXIST'].includes(errorCode(error))) throw error;
  }
}
