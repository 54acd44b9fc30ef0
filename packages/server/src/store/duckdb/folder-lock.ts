/** Keeps a second process out of a store's folder: it would remove the first one's unfinished files as orphans. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const openHere = new Set<string>();

export interface FolderLock {
  release(): void;
}

/**
 * Takes the folder for this process. A lock whose process is gone is taken over.
 *
 * @throws Error where another process, or another store of this one, has the folder open.
 */
export function lockFolder(directory: string): FolderLock {
  const path = join(directory, 'store.lock');
  const mine = `${process.pid} ${processStart(process.pid) ?? ''}`;
  if (openHere.has(directory)) throw lockedBy(directory, 'this process');
  for (let attempt = 0; ; attempt += 1) {
    try {
      writeFileSync(path, mine, { flag: 'wx' });
      break;
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST') || attempt > 3) throw error;
    }
    const holder = readHolder(path);
    if (holder !== undefined && holder.text !== mine && isAlive(holder))
      throw lockedBy(directory, `process ${holder.pid}`);
    rmSync(path, { force: true });
  }
  openHere.add(directory);
  return {
    release: () => {
      openHere.delete(directory);
      rmSync(path, { force: true });
    },
  };
}

interface Holder {
  readonly text: string;
  readonly pid: number;
  readonly start: string;
}

function readHolder(path: string): Holder | undefined {
  try {
    const text = readFileSync(path, 'utf8');
    const [pid = '', start = ''] = text.split(' ');
    return { text, pid: Number(pid), start };
  } catch {
    return undefined;
  }
}

function isAlive({ pid, start }: Holder): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
  // The number may have gone to another program since, above all in a container, where every boot starts at 1.
  const startNow = processStart(pid);
  return start === '' || startNow === undefined || startNow === start;
}

/** When a process started, in ticks since boot; only Linux tells. */
function processStart(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}

function lockedBy(directory: string, who: string): Error {
  return new Error(
    `${directory} is in use by ${who}: one store at a time can have a folder open. Stop that one, or use another folder.`,
  );
}
