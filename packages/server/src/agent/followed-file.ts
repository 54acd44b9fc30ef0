/** What is known of one file, from its first line until long after its last. */
import { type BigIntStats, closeSync, fstatSync, openSync } from 'node:fs';
import { createProducerId } from 'tailrace/event';
import { type FileAccount, openAccount } from './file-account.ts';
import { EMPTY_PRINT, type FilePrint } from './file-print.ts';

/**
 * Where a file stands in its life.
 *
 * `live`: at the path that an input names. `rotated`: renamed, maybe still written to. `sought`: its inode is gone or holds
 * something else now; its bytes may lie in a copy or a `.gz`. `done`: read to its end; kept so that it is known again.
 */
export type FileState = 'live' | 'rotated' | 'sought' | 'done';

export interface FollowedFile {
  readonly producer: string;
  /** The input that it belongs to, by name. */
  readonly input: string;
  /** The path under which it was followed first; stays when it is renamed. */
  readonly path: string;
  readonly sinceMs: number;
  /** Device and inode; empty where it has none of its own any more. */
  identity: string;
  /** Where it lies now. */
  location: string;
  isGzip: boolean;
  state: FileState;
  /** Everything before it is in the spool. */
  position: number;
  print: FilePrint;
  /** The size when it was last looked at. */
  size: number;
  /** When its state or size changed last. */
  changedMs: number;
  /** When it was last found on the disk. */
  seenMs: number;
  /** Files that hold nothing but what was read of this one: copies, `.gz`, itself once it is done. */
  aliases: string[];
  account: FileAccount;
}

const MAX_ALIASES = 8;

export function openFile(
  input: string,
  path: string,
  found: { readonly identity: string; readonly size: number; readonly isGzip: boolean; readonly mtimeMs: number },
  state: FileState,
  nowMs: number,
): FollowedFile {
  return {
    producer: createProducerId(nowMs, Math.random),
    input,
    path,
    sinceMs: nowMs,
    identity: found.identity,
    location: path,
    isGzip: found.isGzip,
    state,
    position: 0,
    print: EMPTY_PRINT,
    // How long what an archive holds is, nobody knows before it is read.
    size: found.isGzip ? 0 : found.size,
    changedMs: Math.min(nowMs, found.mtimeMs),
    seenMs: nowMs,
    aliases: [],
    account: openAccount(),
  };
}

export function addAlias(file: FollowedFile, stamp: string): void {
  if (file.aliases.includes(stamp)) return;
  file.aliases.push(stamp);
  if (file.aliases.length > MAX_ALIASES) file.aliases.shift();
}

export function identityOf(stats: BigIntStats): string {
  return `${stats.dev}:${stats.ino}`;
}

/** Names a file as it is now: it is another one as soon as something is written to it. */
export function stampOf(stats: BigIntStats): string {
  return `${stats.dev}:${stats.ino}:${stats.size}:${stats.mtimeNs}`;
}

/**
 * Opens the file of that identity; `undefined` where another one, or none, lies there by now: rotation gives names away at any
 * moment.
 *
 * @throws what the system says of a file that can't be opened
 */
export function openAs(path: string, identity: string): number | undefined {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
  if (identityOf(fstatSync(fd, { bigint: true })) === identity) return fd;
  closeSync(fd);
  return undefined;
}

export function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR');
}
