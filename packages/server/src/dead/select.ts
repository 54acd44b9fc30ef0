/** Which dead letters an order (a replay, a purge) is about. All of them only where that is said outright. */
import { z } from 'zod';
import type { DeadLetterStore } from './dead-letter-store.ts';
import { createFilter, letterFilter } from './filter.ts';

const ids = z.array(z.string().min(1).max(128)).min(1).max(10_000);

export const selectionShape = {
  ids: ids.optional().describe('These letters.'),
  filter: letterFilter.optional().describe('All letters that match.'),
  all: z.literal(true).optional().describe('All letters.'),
};

export interface Selection {
  readonly ids?: readonly string[] | undefined;
  readonly filter?: z.output<typeof letterFilter> | undefined;
  readonly all?: true | undefined;
}

/** @returns what is wrong with it, `undefined` where nothing is. */
export function selectionFault({ ids, filter, all }: Selection): string | undefined {
  const given = [ids, filter, all].filter((one) => one !== undefined).length;
  if (given !== 1) return 'say which letters: one of ids, filter, or all: true';
  if (filter !== undefined && Object.keys(filter).length === 0)
    return 'the filter is empty: for all letters say all: true';
  return undefined;
}

export interface SelectedLetter {
  readonly id: string;
  readonly rounds: number;
  readonly truncated: boolean;
}

/** The letters that are meant, the oldest first; their ids only, since there may be many. */
export async function selectLetters(
  store: DeadLetterStore,
  selection: Selection,
  nowMs: number,
): Promise<SelectedLetter[]> {
  const short = ({ id, rounds, truncated }: SelectedLetter): SelectedLetter => ({ id, rounds, truncated });
  if (selection.ids !== undefined) return (await store.find(selection.ids)).map(short);
  const matches = createFilter(selection.filter ?? {}, nowMs);
  const selected = new Map<string, SelectedLetter>();
  for await (const part of store.scan()) {
    for (const letter of part) if (matches(letter)) selected.set(letter.id, short(letter));
  }
  return [...selected.values()];
}

/** For people: what was meant. */
export function describeSelection({ ids, filter, all }: Selection): string {
  if (all === true) return 'all';
  if (ids !== undefined) return ids.length === 1 ? `id ${ids[0]}` : `${ids.length} ids`;
  return Object.entries(filter ?? {})
    .map(([name, value]) => `${name}=${JSON.stringify(value)}`)
    .join(' ');
}
