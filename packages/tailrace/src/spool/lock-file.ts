/** The files of a lock: made by one of several who try, read with suspicion, chained. What they are for is told in `lock.ts`. */
import {
  closeSync,
  copyFileSync,
  constants as fsConstants,
  linkSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { livenessOf, type ProcessIdentity } from './process-identity.ts';
import { FILE_MODE, hasCode } from './segment.ts';

/** Where the chain of locks begins. */
export const HEAD = 'lock.json';
/** A process that can't be seen from here counts as dead when its heartbeat is older than this. */
export const STALE_MS = 30_000;

export interface LockRecord {
  readonly nonce: string;
  /** Which part of the process holds it; see `ClaimOptions.owner`. */
  readonly owner: string;
  readonly isReleased: boolean;
  readonly identity: ProcessIdentity;
}

export interface FoundLock {
  readonly file: string;
  /** `undefined` where the file can't be read as a lock. */
  readonly record: LockRecord | undefined;
  readonly nonce: string;
  readonly ageMs: number;
}

export function isAlive(lock: FoundLock, staleMs: number): boolean {
  if (lock.record === undefined) return lock.ageMs <= staleMs;
  if (lock.record.isReleased) return false;
  const liveness = livenessOf(lock.record.identity);
  return liveness === 'unknown' ? lock.ageMs <= staleMs : liveness === 'alive';
}

/** The lock that counts: the last of the chain. */
export function findLock(directory: string): FoundLock | undefined {
  let last: FoundLock | undefined;
  for (let file = HEAD; ; ) {
    const lock = readLock(directory, file);
    if (lock === undefined) return last;
    last = lock;
    file = successorOf(lock.nonce);
  }
}

function readLock(directory: string, file: string): FoundLock | undefined {
  const path = join(directory, file);
  try {
    // Asked first: that there is none is usual, and an error for it costs a start more than the look.
    const found = statSync(path, { throwIfNoEntry: false });
    if (found === undefined) return undefined;
    const record = parseLock(readFileSync(path, 'utf8'));
    return {
      file,
      record,
      nonce: record?.nonce ?? `after-${file.slice(0, -'.json'.length)}`,
      ageMs: Date.now() - found.mtimeMs,
    };
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}

export function successorOf(lockNonce: string): string {
  return `lock-${lockNonce}.json`;
}

/**
 * Makes the file unless it is there: false where it is.
 *
 * The first of a chain is made under its own name. Who reads it before its content is there takes it for the lock of
 * somebody alive, by its age; the usual start is spared three changes of the folder. A later one has its content from the start.
 */
export function makeLock(directory: string, file: string, record: LockRecord): boolean {
  const path = join(directory, file);
  try {
    if (file === HEAD) writeNew(path, record);
    else linkNew(directory, path, record);
    return true;
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return false;
    throw error;
  }
}

function writeNew(path: string, record: LockRecord): void {
  const file = openSync(path, 'wx', FILE_MODE);
  try {
    writeFileSync(file, textOf(record));
  } catch (error) {
    // An empty lock would stand in the way of the next try.
    rmSync(path, { force: true });
    throw error;
  } finally {
    closeSync(file);
  }
}

function linkNew(directory: string, path: string, record: LockRecord): void {
  const temporary = writeTemporary(directory, record);
  try {
    linkSync(temporary, path);
  } catch (error) {
    if (hasCode(error, 'EEXIST')) throw error;
    // A file system without hard links.
    copyFileSync(temporary, path, fsConstants.COPYFILE_EXCL);
  } finally {
    rmSync(temporary, { force: true });
  }
}

export function writeTemporary(directory: string, record: LockRecord): string {
  const temporary = join(directory, `lock-${nonce()}.tmp`);
  writeFileSync(temporary, textOf(record), { mode: FILE_MODE });
  return temporary;
}

function textOf(record: LockRecord): string {
  return `${JSON.stringify(record)}\n`;
}

/** Names one lock among all that there ever were in the folder. It has to differ, not to be a secret. */
export function nonce(): string {
  return half() + half();
}

function half(): string {
  return Math.floor(Math.random() * 2 ** 32)
    .toString(16)
    .padStart(8, '0');
}

function parseLock(text: string): LockRecord | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isRecord(value) || !isRecord(value.identity)) return undefined;
  const { nonce: lockNonce, owner, isReleased } = value;
  const { pid, startedAt, boot, pidNamespace, host } = value.identity;
  if (typeof lockNonce !== 'string' || !/^[0-9a-f]{16}$/.test(lockNonce) || typeof owner !== 'string') return undefined;
  if (typeof pid !== 'number' || !Number.isSafeInteger(pid) || pid < 1) return undefined;
  if (typeof startedAt !== 'string' || typeof boot !== 'string') return undefined;
  if (typeof pidNamespace !== 'string' || typeof host !== 'string') return undefined;
  return {
    nonce: lockNonce,
    owner,
    isReleased: isReleased === true,
    identity: { pid, startedAt, boot, pidNamespace, host },
  };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
