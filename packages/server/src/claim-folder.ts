/**
 * The data folder belongs to one server: two would each write what the other doesn't know of.
 *
 * Where the folder's owner can be seen from here and lives, that is an error at once. Where it can't be seen (it ran in
 * another container or on another machine that shares the disk), only the age of its lock tells whether it lives: a
 * server that was killed there leaves a lock that nobody renews, and the next one waits until it has grown old.
 */
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ClaimOutcome, claimSpool, type SpoolClaim } from 'tailrace/spool';

export interface ClaimFolderOptions {
  readonly dataDir: string;
  /** Names this server among those of the process. */
  readonly owner: string;
  readonly log: (level: 'info' | 'warn' | 'error', message: string) => void;
  /** How long a lock whose owner can't be seen is waited for. @defaultValue 40 seconds: locks grow old after 30 */
  readonly waitMs?: number;
}

const WAIT_MS = 40_000;
const RETRY_MS = 500;

/** @throws Error where the folder is in use, or can't be written. */
export async function claimFolder(directory: string, options: ClaimFolderOptions): Promise<SpoolClaim> {
  const { dataDir, owner, log, waitMs = WAIT_MS } = options;
  const untilMs = performance.now() + waitMs;
  let isTold = false;
  for (;;) {
    const outcome = claimSpool(directory, {
      owner,
      onNotice: ({ code, message }) => log('error', `${message} (${code})`),
    });
    if (outcome.kind === 'claimed') return outcome.claim;
    if (outcome.kind === 'unwritable') {
      outcome.claim.release();
      throw new Error(
        `the data folder ${dataDir} can't be written (${outcome.reason}): let this user write there, or set TAILRACE_DATA_DIR to another folder`,
      );
    }
    const holder = `process ${outcome.pid} on ${outcome.host}`;
    if (isSeen(outcome) || performance.now() >= untilMs) {
      throw new Error(
        `the data folder ${dataDir} is in use by another server (${holder}): stop it, or set TAILRACE_DATA_DIR to another folder`,
      );
    }
    if (!isTold) {
      log(
        'warn',
        `the data folder ${dataDir} was in use moments ago by ${holder}, which can't be seen from here: waiting up to ${Math.round(waitMs / 1000)} s for it to let go`,
      );
    }
    isTold = true;
    await sleep(RETRY_MS);
  }
}

/** True where the holder is a process of this machine. With our own number it is one of another container. */
function isSeen({ pid, host }: Extract<ClaimOutcome, { kind: 'held' }>): boolean {
  if (host !== hostname() || pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
