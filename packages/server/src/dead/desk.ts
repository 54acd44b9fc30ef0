/**
 * What can be done with dead letters, each with what must be told of it: the one place behind API, command line and screen.
 * Every change is told as an event of the topic `logger.dead_letters` and as a line of the server's own log: who did what, to
 * how many, chosen how.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { DeadLetter } from 'tailrace/dead-letters';
import { Turns } from '../fallback/turns.ts';
import type { CheckLine } from '../sources/check-line.ts';
import type { DeadLetters, DeadLettersStatus } from './dead-letters.ts';
import { type DryRun, dryRun } from './dry-run.ts';
import { type Edited, editLetter } from './edit.ts';
import { createFilter, type LetterFilter } from './filter.ts';
import { type LetterPage, listLetters } from './list.ts';
import { type Purged, purgeLetters } from './purge.ts';
import { type Replayed, type ReplayOutcome, replayLetters } from './replay.ts';
import { describeSelection, type Selection } from './select.ts';

export interface DeskOptions {
  readonly letters: DeadLetters;
  readonly check: CheckLine;
  /** `undefined` where this process takes no events in. */
  readonly offer: ((letters: readonly DeadLetter[]) => Promise<readonly Replayed[]>) | undefined;
  /** Read at each use. */
  readonly limits: { readonly maxRounds: number; readonly linesPerSecond: number };
  readonly tell: (news: DeadLetterNews) => void;
  readonly now: () => number;
}

/** Something that happened to dead letters. */
export interface DeadLetterNews {
  readonly level: 'info' | 'warn' | 'error';
  readonly message: string;
  /** For the event, under `dead_letters.`. */
  readonly fields: Readonly<Record<string, string | number>>;
}

export interface ReplayOrder extends Selection {
  readonly linesPerSecond?: number | undefined;
}

export interface DeadLetterDesk {
  /** True where this process can replay. */
  readonly canReplay: boolean;
  /** True while a replay is under way here: a second one would only be slower. */
  readonly isReplaying: boolean;
  status(): DeadLettersStatus;
  list(
    filter: LetterFilter,
    page: { readonly limit: number; readonly cursor?: string | undefined },
  ): Promise<LetterPage>;
  find(id: string): Promise<DeadLetter | undefined>;
  edit(id: string, event: Readonly<Record<string, unknown>>, by: string): Promise<Edited>;
  dryRun(order: ReplayOrder, signal: AbortSignal): Promise<DryRun>;
  /** @throws Error where this process can't replay, or is replaying. */
  replay(order: ReplayOrder, by: string, signal: AbortSignal): Promise<ReplayOutcome>;
  purge(selection: Selection, confirmed: number | undefined, by: string): Promise<Purged>;
}

export function createDeadLetterDesk({ letters, check, offer, limits, tell, now }: DeskOptions): DeadLetterDesk {
  let isReplaying = false;
  const walks = new Turns();
  const { store } = letters;
  const changed = (): void => void letters.look();

  return {
    canReplay: offer !== undefined,
    get isReplaying() {
      return isReplaying;
    },
    status: () => letters.status(),
    // Each list is a walk over all letters: one at a time, however many look.
    list: (filter, page) => walks.take(() => listLetters(store, createFilter(filter, now()), page)),
    find: async (id) => (await store.find([id]))[0],

    async edit(id, event, by) {
      const edited = await editLetter({ store, check, now }, id, event, by);
      if (edited.kind === 'edited') {
        tell({
          level: 'warn',
          message: `a dead letter was edited by ${by}: ${id}`,
          fields: { action: 'edit', id, by },
        });
        changed();
      }
      return edited;
    },

    dryRun: (order, signal) => dryRun({ store, check, maxRounds: limits.maxRounds, now }, order, signal),

    async replay({ linesPerSecond = limits.linesPerSecond, ...selection }, by, signal) {
      if (offer === undefined || isReplaying) throw new Error('a replay can not begin now');
      isReplaying = true;
      try {
        const { maxRounds } = limits;
        const outcome = await replayLetters(
          { store, offer, linesPerSecond, maxRounds, now, sleep: pause },
          selection,
          signal,
        );
        const { replayed, refused, left, stopped } = outcome;
        const chosen = describeSelection(selection);
        const rest = stopped === null ? '' : `; ${left} were not reached: ${stopped}`;
        tell({
          level: stopped === null ? 'info' : 'warn',
          message: `dead letters were replayed by ${by} (${chosen}): ${replayed} taken, ${refused} refused again${rest}`,
          fields: { action: 'replay', by, chosen, replayed, refused, left },
        });
        changed();
        return outcome;
      } finally {
        isReplaying = false;
      }
    },

    async purge(selection, confirmed, by) {
      const purged = await purgeLetters(store, selection, confirmed, now());
      if (purged.kind === 'purged' && purged.count > 0) {
        const chosen = describeSelection(selection);
        tell({
          level: 'warn',
          message: `${purged.count} dead letters were purged by ${by} (${chosen})`,
          fields: { action: 'purge', by, chosen, count: purged.count },
        });
        changed();
      }
      return purged;
    },
  };
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => {});
}
