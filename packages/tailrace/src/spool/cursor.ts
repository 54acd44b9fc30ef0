import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { open, readdir, readFile, rename, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { syncDirectory } from './device-sync.ts';
import { makeFolder } from './make-folder.ts';
import { comparePositions, type Position, SPOOL_START, toPosition } from './position.ts';
import { FILE_MODE, FOLDER_MODE, hasCode, listSegmentNumbers, segmentPath } from './segment.ts';

/** A cursor file always has this length, so that writing it in place needs no room on a full disk. */
const CURSOR_BYTES = 96;

const CURSOR_NAME = /^[A-Za-z0-9_-]{1,100}$/;
const CURSOR_FILE = /^([A-Za-z0-9_-]{1,100})\.json$/;

/** What a cursor file says: a place, nothing since it isn't there, or something that is no place. */
export type StoredCursor =
  | { readonly kind: 'found'; readonly position: Position }
  | { readonly kind: 'missing' }
  | { readonly kind: 'unreadable'; readonly reason: string };

/**
 * Makes cursors at the start of the spool for those names that have none. A segment is freed only when every cursor in the
 * folder has passed it, so a route that is registered before any reader commits can't lose lines, however late it starts.
 */
export async function registerCursors(directory: string, names: readonly string[]): Promise<void> {
  for (const name of names) {
    if ((await readCursor(directory, name)).kind === 'missing') await writeCursor(directory, name, SPOOL_START);
  }
}

/** Names of the cursors in a folder. */
export async function listCursors(directory: string): Promise<string[]> {
  try {
    return cursorNames(await readdir(cursorFolder(directory)));
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return [];
    throw error;
  }
}

/** Removes the cursor of a route that is gone, so that it doesn't hold the spool for ever, and frees what only it held. */
export async function retireCursor(directory: string, name: string): Promise<void> {
  try {
    await unlink(cursorPath(directory, name));
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return;
    throw error;
  }
  await syncDirectory(cursorFolder(directory));
  if ((await listCursors(directory)).length > 0) await freeSegments(directory);
}

export async function readCursor(directory: string, name: string): Promise<StoredCursor> {
  try {
    return parseCursor(await readFile(cursorPath(directory, name), 'utf8'));
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return { kind: 'missing' };
    return { kind: 'unreadable', reason: String(error) };
  }
}

/** Makes the cursor durable: a file of its own, forced, renamed over the old one, and the folder forced. */
export async function writeCursor(directory: string, name: string, position: Position): Promise<void> {
  const path = cursorPath(directory, name);
  const bytes = Buffer.from(`${JSON.stringify(position).padEnd(CURSOR_BYTES - 1)}\n`);
  const temporary = `${path}.tmp`;
  try {
    await makeFolder(cursorFolder(directory), FOLDER_MODE);
    await writeDurably(temporary, 'w', bytes);
    await rename(temporary, path);
    await syncDirectory(cursorFolder(directory));
  } catch (error) {
    if (!hasCode(error, 'ENOSPC') && !hasCode(error, 'EDQUOT')) throw error;
    // The spool itself may be what fills the disk, and nothing of it is freed without the cursor. The old file has its
    // room already; should it tear, reading starts again at the oldest line.
    await unlink(temporary).catch(() => undefined);
    await writeDurably(path, 'r+', bytes);
  }
}

async function writeDurably(path: string, flags: string, bytes: Buffer): Promise<void> {
  const handle = await open(path, flags, FILE_MODE);
  try {
    let written = 0;
    while (written < bytes.length) {
      written += (await handle.write(bytes, written, bytes.length - written, written)).bytesWritten;
    }
    await handle.datasync();
  } finally {
    await handle.close();
  }
}

/** Unlinks the segments that every cursor in the folder has passed. */
export async function freeSegments(directory: string): Promise<void> {
  let lowest: Position | undefined;
  for (const name of await listCursors(directory)) {
    const cursor = await readCursor(directory, name);
    // One that can't be read starts again at the oldest line: it holds everything until its reader has put it right.
    const position = cursor.kind === 'found' ? cursor.position : SPOOL_START;
    if (lowest === undefined || comparePositions(position, lowest) < 0) lowest = position;
  }
  if (lowest === undefined) return;
  for (const segment of await listSegmentNumbers(directory)) {
    if (segment >= lowest.segment) break;
    try {
      await unlink(segmentPath(directory, segment));
    } catch (error) {
      // Another reader frees it at the same time.
      if (!hasCode(error, 'ENOENT')) throw error;
    }
  }
}

/** The highest segment that a cursor in the folder names; 0 when there is none. */
export function highestCursorSegment(directory: string): number {
  let highest = 0;
  const folder = cursorFolder(directory);
  if (!existsSync(folder)) return highest;
  try {
    for (const name of cursorNames(readdirSync(folder))) {
      const cursor = parseCursor(readFileSync(cursorPath(directory, name), 'utf8'));
      if (cursor.kind === 'found') highest = Math.max(highest, cursor.position.segment);
    }
  } catch {
    // Without cursors that can be read, the segments alone say it.
  }
  return highest;
}

export function checkCursorName(name: string): string {
  if (CURSOR_NAME.test(name)) return name;
  throw new RangeError(`spool: a cursor's name is 1 to 100 letters, digits, "-" or "_"; got ${JSON.stringify(name)}`);
}

function parseCursor(text: string): StoredCursor {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && 'segment' in value && 'offset' in value) {
      const position = toPosition(value.segment, value.offset);
      if (position !== undefined) return { kind: 'found', position };
    }
  } catch {
    // Not JSON: said below.
  }
  return { kind: 'unreadable', reason: `no position in ${JSON.stringify(text.slice(0, 100))}` };
}

function cursorNames(files: readonly string[]): string[] {
  return files.flatMap((file) => CURSOR_FILE.exec(file)?.[1] ?? []);
}

function cursorFolder(directory: string): string {
  return join(directory, 'cursors');
}

function cursorPath(directory: string, name: string): string {
  return join(cursorFolder(directory), `${checkCursorName(name)}.json`);
}
