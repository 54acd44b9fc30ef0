import { renameSync, rmSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import {
  type FoundLock,
  findLock,
  HEAD,
  isAlive,
  type LockRecord,
  makeLock,
  nonce,
  STALE_MS,
  successorOf,
  writeTemporary,
} from './lock-file.ts';
import { makeSpoolFolder } from './make-folder.ts';
import { identifySelf } from './process-identity.ts';
import { errorCode } from './segment.ts';
import type { SpoolNotice } from './types.ts';

/*
 * A folder belongs to the process that its lock names. `lock.json` holds an identity and a nonce; making it fails when
 * the name is taken.
 *
 * Taking over the lock of a dead process is where two adopters could both win: the second could remove what the first has
 * just written in place of the dead one's. So nobody removes anything. The successor of the lock with nonce X is the file
 * `lock-X.json`, and `link` lets exactly one be made. Whoever made it looks whether it is really the end of the chain that
 * begins at `lock.json` (it isn't when the chain was folded meanwhile), and then folds the chain with one rename of its own
 * lock over `lock.json`.
 *
 * Letting go replaces the lock by one that says `isReleased`: the folder itself stays, since it may hold lines.
 */

const HEARTBEAT_MS = 5_000;

export interface ClaimOptions {
  /**
   * Names the part of this process that claims. The same part of the same process gets its own claim again at once (a worker
   * that was restarted); another part doesn't. @defaultValue `main`
   */
  readonly owner?: string;
  readonly onNotice?: (notice: SpoolNotice) => void;
}

export interface SpoolClaim {
  readonly directory: string;
  /** False once another process took the folder over, which it does only when this one looked dead. */
  isHeld(): boolean;
  /** Lets go, so that others may adopt the folder at once. */
  release(): void;
}

export type ClaimOutcome =
  | { readonly kind: 'claimed'; readonly claim: SpoolClaim }
  /** A live process has it, or one that can't be seen from here and gave a sign of life in the last 30 seconds. */
  | { readonly kind: 'held'; readonly pid: number; readonly host: string }
  /** The lock can't be written now; the claim is made as soon as it can. Good enough for a folder that nobody else knows. */
  | { readonly kind: 'unwritable'; readonly reason: string; readonly claim: SpoolClaim };

/**
 * Claims a folder for this process, so that no other one writes to it or adopts it. A process that died lets go by that:
 * a pid that was given out again, and a zombie, don't count as alive.
 *
 * On Linux that is exact for processes of the same container or host. Across containers and machines that share a disk,
 * and elsewhere, the age of the lock file tells, which the holder renews every 5 seconds.
 *
 * @example
 * const outcome = claimSpool(directory);
 * if (outcome.kind === 'held') throw new Error(`${directory} belongs to process ${outcome.pid}`);
 */
export function claimSpool(directory: string, options: ClaimOptions = {}): ClaimOutcome {
  const claim = new HeldClaim(directory, options);
  try {
    const holder = claim.take();
    if (holder === undefined) return { kind: 'claimed', claim: claim.keep() };
    return { kind: 'held', pid: holder.record?.identity.pid ?? 0, host: holder.record?.identity.host ?? '' };
  } catch (error) {
    return { kind: 'unwritable', reason: errorCode(error), claim: claim.keep() };
  }
}

/** True where the folder's owner is gone and nobody has taken it over. */
export function isOrphaned(directory: string, staleMs = STALE_MS): boolean {
  const lock = findLock(directory);
  if (lock !== undefined) return !isAlive(lock, staleMs);
  // Without a lock it may be a folder that is just being made.
  const found = statSync(directory, { throwIfNoEntry: false });
  return found !== undefined && Date.now() - found.mtimeMs > staleMs;
}

class HeldClaim implements SpoolClaim {
  readonly directory: string;
  readonly #options: ClaimOptions;
  readonly #record: LockRecord;
  #isTaken = false;
  #isLost = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(directory: string, options: ClaimOptions) {
    this.directory = directory;
    this.#options = options;
    this.#record = { nonce: nonce(), owner: options.owner ?? 'main', isReleased: false, identity: identifySelf() };
  }

  /** Takes the lock, or gives back the one that stands in the way. */
  take(): FoundLock | undefined {
    makeSpoolFolder(this.directory);
    const current = findLock(this.directory);
    if (current !== undefined && isAlive(current, STALE_MS) && !this.#isOwn(current)) return current;
    const file = current === undefined ? HEAD : successorOf(current.nonce);
    const made = makeLock(this.directory, file, this.#record);
    const winner = findLock(this.directory);
    if (!made || winner?.nonce !== this.#record.nonce) {
      if (made && file !== HEAD) rmSync(join(this.directory, file), { force: true });
      return winner ?? current ?? { file, record: undefined, nonce: '', ageMs: 0 };
    }
    if (file !== HEAD) this.#fold(file, current);
    this.#isTaken = true;
    return undefined;
  }

  keep(): this {
    this.#timer = setInterval(() => this.#beat(), HEARTBEAT_MS).unref();
    return this;
  }

  isHeld(): boolean {
    try {
      if (this.#isTaken && !this.#isLost) this.#look();
    } catch {
      // The lock can't be read now; what was known stands.
    }
    return this.#isTaken && !this.#isLost;
  }

  release(): void {
    clearInterval(this.#timer);
    if (!this.isHeld()) return;
    this.#isTaken = false;
    try {
      const released: LockRecord = { ...this.#record, nonce: nonce(), isReleased: true };
      const temporary = writeTemporary(this.directory, released);
      renameSync(temporary, join(this.directory, HEAD));
    } catch {
      // Then it counts as held until this process ends.
    }
  }

  #isOwn(lock: FoundLock): boolean {
    const { identity, owner } = this.#record;
    const other = lock.record;
    return (
      other !== undefined &&
      other.owner === owner &&
      other.identity.pid === identity.pid &&
      other.identity.startedAt === identity.startedAt &&
      other.identity.boot === identity.boot &&
      other.identity.pidNamespace === identity.pidNamespace &&
      other.identity.host === identity.host
    );
  }

  #fold(file: string, dead: FoundLock | undefined): void {
    renameSync(join(this.directory, file), join(this.directory, HEAD));
    if (dead !== undefined && dead.file !== HEAD) rmSync(join(this.directory, dead.file), { force: true });
  }

  #beat(): void {
    try {
      if (!this.#isTaken) {
        this.#takeLate();
        return;
      }
      this.#look();
      if (this.#isLost) return;
      const now = new Date();
      utimesSync(join(this.directory, HEAD), now, now);
    } catch {
      // The disk fails: the next beat tries again. Whoever sees this process alive needs no beat.
    }
  }

  #takeLate(): void {
    const holder = this.take();
    if (holder !== undefined) this.#lose(holder);
  }

  #look(): void {
    const lock = findLock(this.directory);
    if (lock === undefined) {
      // Somebody removed the lock, maybe with the whole folder: it is made again with the next take.
      this.#isTaken = false;
    } else if (lock.nonce !== this.#record.nonce) {
      this.#lose(lock);
    }
  }

  #lose(holder: FoundLock): void {
    this.#isLost = true;
    clearInterval(this.#timer);
    const who = holder.record === undefined ? 'another process' : `process ${holder.record.identity.pid}`;
    try {
      this.#options.onNotice?.({ code: 'claim_lost', message: `spool ${this.directory}: ${who} took it over` });
    } catch {
      // Whoever listens must not break the heartbeat.
    }
  }
}
