/** A dead letter with another event in it: checked and redacted like one that comes in, and marked as changed. */
import type { DeadLetter } from 'tailrace/dead-letters';
import { serviceOf } from 'tailrace/dead-letters';
import type { CheckLine } from '../sources/check-line.ts';
import type { DeadLetterStore } from './dead-letter-store.ts';

export type Edited =
  | { readonly kind: 'edited'; readonly letter: DeadLetter }
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'absent' };

export interface EditParts {
  readonly store: DeadLetterStore;
  readonly check: CheckLine;
  readonly now: () => number;
}

/** Nobody reads the event as its service wrote it any more, so the event itself says so, too. */
export async function editLetter(
  { store, check, now }: EditParts,
  id: string,
  event: Readonly<Record<string, unknown>>,
  by: string,
): Promise<Edited> {
  const [before] = await store.find([id]);
  if (before === undefined) return { kind: 'absent' };
  const at = new Date(now()).toISOString();
  const checked = check({ ...event, 'tailrace.edited_at': at, 'tailrace.edited_by': by }, () => id);
  if (checked.kind === 'refused') return { kind: 'refused', reason: checked.reason };
  if (checked.kind === 'ledger') return { kind: 'refused', reason: 'is a line of the ledger, and must be an event' };
  const { service: _, ...rest } = before;
  const service = serviceOf(checked.line);
  const letter: DeadLetter = {
    ...rest,
    ...(service !== undefined && { service }),
    rounds: 0,
    truncated: false,
    edited: { at, by },
    line: Buffer.from(checked.line),
  };
  await store.put([letter]);
  return { kind: 'edited', letter };
}
