import { mkdirSync, statSync } from 'node:fs';
import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { FOLDER_MODE, hasCode } from './segment.ts';

/*
 * Node's own `mkdir` with `recursive` never comes back where a parent is there and still answers ENOENT, as in `/proc`: it
 * goes to and fro between the two, on whatever thread it runs. Here each folder is tried at most twice.
 */

/**
 * Makes a folder and the parents that are missing.
 *
 * @param mode - of each folder that is made. @defaultValue 0o777 without the process's mask
 * @returns the topmost folder that was made, `undefined` where all of them were there.
 * @throws what the system says of the first that can't be made.
 */
export async function makeFolder(path: string, mode?: number): Promise<string | undefined> {
  try {
    await mkdir(path, mode);
    return path;
  } catch (error) {
    if (!isParentMissing(error, path)) {
      await throwUnlessFolder(path, error);
      return undefined;
    }
  }
  const first = await makeFolder(dirname(path), mode);
  try {
    await mkdir(path, mode);
  } catch (error) {
    // Somebody else may have made it meanwhile.
    await throwUnlessFolder(path, error);
  }
  return first ?? path;
}

/** The folder of a spool, before it returns. @throws what the system says of the first that can't be made */
export function makeSpoolFolder(directory: string): void {
  makeFolderSync(directory, FOLDER_MODE);
}

/** As `makeFolder`, before it returns. @throws what the system says of the first that can't be made */
export function makeFolderSync(path: string, mode?: number): void {
  // Most often it is there, and to be told so by an error costs a start more than to look.
  if (isFolderSync(path)) return;
  try {
    mkdirSync(path, mode);
    return;
  } catch (error) {
    if (!isParentMissing(error, path)) {
      throwUnlessFolderSync(path, error);
      return;
    }
  }
  makeFolderSync(dirname(path), mode);
  try {
    mkdirSync(path, mode);
  } catch (error) {
    throwUnlessFolderSync(path, error);
  }
}

function isParentMissing(error: unknown, path: string): boolean {
  return hasCode(error, 'ENOENT') && dirname(path) !== path;
}

/** For a folder that is there systems answer EEXIST, and some EPERM, EISDIR or EROFS. @throws `error` where it isn't there */
async function throwUnlessFolder(path: string, error: unknown): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory() !== true) throw error;
}

function throwUnlessFolderSync(path: string, error: unknown): void {
  // What `mkdir` said tells more.
  if (!isFolderSync(path)) throw error;
}

function isFolderSync(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
  } catch {
    return false;
  }
}
