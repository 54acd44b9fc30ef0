/**
 * Adoption: the spools that dead processes of this host left behind are found, claimed, delivered and removed.
 *
 * A spool holds the cursors of the routes that its process had. Where one of them isn't delivered and no route of that
 * name is here, the spool is left alone, and that is told: delivering it to other routes only, and removing it, would
 * throw a backlog away. A route that the dead process didn't have starts at the oldest line that is left.
 *
 * When everything in it is delivered, the spool gets one more line: what is to be added to the ledger of the producer that
 * died (see `amendment.ts`).
 */
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import {
  addLastSegment,
  claimSpool,
  findOrphans,
  listCursors,
  openSpoolReader,
  registerCursors,
  removeSpool,
  type SpoolClaim,
} from '../spool/index.ts';
import { Bell } from './bell.ts';
import { type Clock, sleep } from './clock.ts';
import type { SpoolSource } from './engine.ts';
import type { ReportDesk } from './report-desk.ts';

/** How often it looks for spools of processes that died meanwhile. */
const LOOK_INTERVAL_MS = 30_000;
/** Spools that are delivered at once; the others wait for their turn. */
const MAX_ADOPTED = 8;
/** A folder with another name isn't a producer's, and has no account. */
const PRODUCER = /^[0-9a-z]{8,32}$/;

export interface AdoptionParts {
  readonly spoolRoot: string;
  /** The folder of this process. */
  readonly ownDirectory: string;
  readonly routes: readonly string[];
  readonly deliver: (spool: SpoolSource) => void;
  /** The last line for the spool of a producer; `undefined` where no route wants such lines. */
  readonly draftLastLine: ((producer: string) => Promise<string>) | undefined;
  readonly clock: Clock;
  readonly desk: ReportDesk;
}

export class Adoption {
  readonly #parts: AdoptionParts;
  readonly #stop = new AbortController();
  readonly #adopted = new Set<string>();
  /** Rings when there is a place for another one. */
  readonly #ended = new Bell();
  readonly #looking: Promise<void>;

  constructor(parts: AdoptionParts) {
    this.#parts = parts;
    this.#looking = this.#lookForSpools();
  }

  /** Adopts no more. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#looking;
  }

  async #lookForSpools(): Promise<void> {
    const { clock, desk, spoolRoot } = this.#parts;
    for (let isFirstLook = true; !this.#stop.signal.aborted; isFirstLook = false) {
      try {
        await this.#adoptAll(await this.#findSpools(isFirstLook));
      } catch (error) {
        desk.tellOnce('adoption_failed', `spools of dead processes can't be looked for in ${spoolRoot}: ${error}`);
      }
      await sleep(clock, LOOK_INTERVAL_MS, this.#stop.signal);
    }
  }

  async #findSpools(isFirstLook: boolean): Promise<Set<string>> {
    const { spoolRoot, ownDirectory } = this.#parts;
    const found = isFirstLook ? await findLocked(spoolRoot) : [];
    const orphans = await findOrphans(spoolRoot, [ownDirectory]);
    return new Set([...found, ...orphans].filter((directory) => resolve(directory) !== resolve(ownDirectory)));
  }

  /** Each as soon as there is a place for it: there may be thousands, and the list is long in the making. */
  async #adoptAll(directories: Iterable<string>): Promise<void> {
    const { clock, desk } = this.#parts;
    const stop = this.#stop.signal;
    for (const directory of directories) {
      while (this.#adopted.size >= MAX_ADOPTED && !stop.aborted)
        await this.#ended.waitAfter(this.#ended.rings, clock, LOOK_INTERVAL_MS, stop);
      if (stop.aborted) return;
      // Another process may have delivered and removed it since it was found.
      if (this.#adopted.has(directory) || !existsSync(directory)) continue;
      try {
        await this.#adopt(directory);
      } catch (error) {
        desk.tellOnce('adoption_failed', `spool ${directory} of a dead process can't be adopted: ${error}`);
      }
    }
  }

  async #adopt(directory: string): Promise<void> {
    const { desk, routes, deliver } = this.#parts;
    const outcome = claimSpool(directory, {
      // A worker that is started again gets its claims back; another delivery of the same process doesn't get them.
      owner: `delivery of ${basename(this.#parts.ownDirectory)}`,
      onNotice: ({ code, message }) => desk.tellOnce(code, message),
    });
    if (outcome.kind === 'held') return;
    if (outcome.kind === 'unwritable') {
      outcome.claim.release();
      desk.tellOnce('adoption_failed', `spool ${directory} of a dead process can't be claimed: ${outcome.reason}`);
      return;
    }
    const { claim } = outcome;
    try {
      const foreign = await backlogOfOtherRoutes(directory, routes);
      if (foreign.length > 0) {
        claim.release();
        desk.tellOnce(
          'spool_left',
          `spool ${directory} of a dead process holds lines for ${foreign.join(', ')}, and there is no such route here: it is left as it is`,
        );
        return;
      }
      await registerCursors(directory, routes);
    } catch (error) {
      claim.release();
      throw error;
    }
    this.#adopted.add(directory);
    deliver(this.#sourceOf(directory, claim));
  }

  #sourceOf(directory: string, claim: SpoolClaim): SpoolSource {
    const { desk, draftLastLine } = this.#parts;
    const producer = basename(directory);
    return {
      name: directory,
      isOwn: false,
      openReader: (route) =>
        openSpoolReader({
          directory,
          cursor: route,
          isEnded: true,
          onNotice: ({ code, message }) => desk.tellOnce(code, message),
        }),
      addLastLine: async () => {
        if (draftLastLine === undefined || !PRODUCER.test(producer) || !claim.isHeld()) return false;
        await addLastSegment(directory, Buffer.from(`${await draftLastLine(producer)}\n`));
        return true;
      },
      end: async (isDelivered) => {
        try {
          if (isDelivered && claim.isHeld()) await removeSpool(directory);
        } finally {
          // Also where the folder is gone: a claim that is kept would make it again with its next sign of life.
          claim.release();
          this.#adopted.delete(directory);
          this.#ended.ring();
        }
      },
    };
  }
}

/** Folders that have an owner, alive or not: among them those that an earlier worker of this process had claimed. */
async function findLocked(spoolRoot: string): Promise<string[]> {
  const entries = await readdir(spoolRoot, { withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => entry.isDirectory() && existsSync(join(spoolRoot, entry.name, 'lock.json')))
    .map((entry) => join(spoolRoot, entry.name));
}

async function backlogOfOtherRoutes(directory: string, routes: readonly string[]): Promise<string[]> {
  const waiting: string[] = [];
  for (const cursor of await listCursors(directory)) {
    if (routes.includes(cursor)) continue;
    const reader = await openSpoolReader({ directory, cursor, isEnded: true });
    if ((await reader.backlogBytes()) > 0) waiting.push(cursor);
    await reader.close();
  }
  return waiting;
}
