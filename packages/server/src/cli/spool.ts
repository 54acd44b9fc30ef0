/** `tailrace spool`: what lies in a data folder's spools, read from the disk alone, so that it works without a server. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { CommandError, isRecord } from './client.ts';
import type { Output } from './commands.ts';
import { formatTable } from './table.ts';

export interface SpoolFolder {
  readonly folder: string;
  readonly segments: number;
  readonly bytes: number;
  /** The process that owns it, where a lock names one. */
  readonly pid: number | null;
  /** Cursors as `route segment:offset`. */
  readonly cursors: readonly string[];
  /** Bytes behind the slowest cursor; all of them where there is none. */
  readonly waitingBytes: number;
}

export function showSpools(dataDir: string, output: Output): void {
  const folders = inspectSpools(dataDir);
  output.write(output.json ? JSON.stringify({ dataDir, spools: folders }, null, 2) : tableOf(dataDir, folders));
}

function tableOf(dataDir: string, folders: readonly SpoolFolder[]): string {
  if (folders.length === 0) return `there are no spools in ${dataDir}`;
  const rows = folders.map((one) => ({ ...one, pid: String(one.pid ?? ''), cursors: one.cursors.join(', ') }));
  return formatTable(['folder', 'segments', 'bytes', 'waitingBytes', 'pid', 'cursors'], rows);
}

/** The server's queue, and the spools of the producers that share its data folder. */
export function inspectSpools(dataDir: string): SpoolFolder[] {
  if (statSync(dataDir, { throwIfNoEntry: false })?.isDirectory() !== true) {
    throw new CommandError(`there is no folder ${dataDir}: give the data folder with --data-dir`, 2);
  }
  const folders = ['queue', ...namesIn(join(dataDir, 'spool')).map((name) => join('spool', name))];
  return folders.flatMap((folder) => inspectFolder(join(dataDir, folder), folder) ?? []);
}

function inspectFolder(path: string, folder: string): SpoolFolder | undefined {
  const segments = namesIn(path)
    .filter((name) => /^\d+\.ndjson$/.test(name))
    .map((name) => ({
      number: Number.parseInt(name, 10),
      // It may be freed while we look.
      bytes: statSync(join(path, name), { throwIfNoEntry: false })?.size ?? 0,
    }));
  const cursors = namesIn(join(path, 'cursors')).flatMap((name) => {
    const cursor = readJson(join(path, 'cursors', name));
    if (typeof cursor?.segment !== 'number' || typeof cursor.offset !== 'number') return [];
    return [{ route: name.replace(/\.json$/, ''), segment: cursor.segment, offset: cursor.offset }];
  });
  if (segments.length === 0 && cursors.length === 0) return undefined;
  const [slowest] = cursors.sort((a, b) => a.segment - b.segment || a.offset - b.offset);
  let waitingBytes = 0;
  for (const { number, bytes } of segments) {
    if (slowest === undefined || number > slowest.segment) waitingBytes += bytes;
    else if (number === slowest.segment) waitingBytes += Math.max(0, bytes - slowest.offset);
  }
  const lock = readJson(join(path, 'lock.json'));
  const identity = isRecord(lock?.identity) && lock.isReleased !== true ? lock.identity : {};
  return {
    folder,
    segments: segments.length,
    bytes: segments.reduce((sum, { bytes }) => sum + bytes, 0),
    pid: typeof identity.pid === 'number' ? identity.pid : null,
    cursors: cursors.map(({ route, segment, offset }) => `${route} ${segment}:${offset}`),
    waitingBytes,
  };
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return [];
  }
}

function readJson(path: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(readFileSync(path, 'utf8'));
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
