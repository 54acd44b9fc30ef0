/** The ledger's book as it stands in the store's checkpoint. */
import { z } from 'zod';
import { ledgerAmendmentSchema, ledgerLineSchema } from '../sources/ledger-line.ts';

const count = z.number().min(0);
const counts = z.record(z.string(), count);
const interval = z.tuple([z.int().min(1), z.int().min(1)]);

const accountSnapshot = z.object({
  producer: z.string(),
  stored: z.array(interval),
  ledger: ledgerLineSchema.optional(),
  amendment: ledgerAmendmentSchema.optional(),
  duplicates: count,
  folded: count,
  firstSeenMs: z.number(),
  lastSeenMs: z.number(),
});

const totalsSnapshot = z.object({
  emitted: count,
  kept: count,
  keptByRule: counts,
  sampledOut: count,
  sampledOutByRule: counts,
  stored: count,
  inFlight: count,
  queued: count,
  dropped: count,
  droppedByReason: counts,
  dead: count,
  deadByRoute: counts,
  missing: count,
  duplicates: count,
});

const bookSnapshot = z.object({
  version: z.literal(1),
  producers: z.array(accountSnapshot),
  folded: z.array(z.tuple([z.string(), z.int().min(1)])),
  foldedTotals: totalsSnapshot.optional(),
  forgotten: count,
});

export type AccountSnapshot = z.output<typeof accountSnapshot>;
export type BookSnapshot = z.output<typeof bookSnapshot>;

/**
 * Reads a book out of a checkpoint.
 *
 * @throws where it isn't one: without it, the server could not tell a duplicate.
 */
export function checkBookSnapshot(value: unknown): BookSnapshot {
  const parsed = bookSnapshot.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new Error(`the ledger in the store's checkpoint can't be read: ${z.prettifyError(parsed.error)}`);
}
