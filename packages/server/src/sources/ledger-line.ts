import { LEDGER_SCHEMA, type LedgerAmendment, type LedgerLine, MAX_INTERVALS_READ } from 'tailrace/ledger';
import { z } from 'zod';

const count = z.int().min(0);
const intervals = z
  .array(z.tuple([z.int().min(1), z.int().min(1)]).refine(([from, to]) => from <= to, 'must ascend'))
  .max(MAX_INTERVALS_READ);
const losses = z.record(z.string().min(1).max(128), z.object({ count, sequences: intervals }));
const counts = z.record(z.string().min(1).max(128), count);

export const ledgerLineSchema: z.ZodType<LedgerLine> = z.object({
  schema: z.literal(LEDGER_SCHEMA),
  producer: z.string().regex(/^[0-9a-z]{8,32}$/),
  service: z.string().max(256),
  host: z.string().max(256),
  pid: z.int().min(0),
  source: z.string().max(4096).exactOptional(),
  started: z.iso.datetime({ offset: true }),
  timestamp: z.iso.datetime({ offset: true }),
  emitted: count,
  sequence: count,
  kept: counts,
  sampled_out: counts,
  dropped: losses,
  dead: losses,
  closed: z.boolean(),
});

export const ledgerAmendmentSchema: z.ZodType<LedgerAmendment> = z.object({
  schema: z.literal(LEDGER_SCHEMA),
  producer: z.string().regex(/^[0-9a-z]{8,32}$/),
  amends: z.literal(true),
  timestamp: z.iso.datetime({ offset: true }),
  dropped: losses,
  dead: losses,
  closed: z.literal(true),
});

export type CheckedLedgerLine =
  | { readonly kind: 'ledger'; readonly ledger: LedgerLine | LedgerAmendment }
  | { readonly kind: 'refused'; readonly reason: string };

export function checkLedgerLine(input: unknown): CheckedLedgerLine {
  const isAmendment = typeof input === 'object' && input !== null && 'amends' in input;
  const parsed = (isAmendment ? ledgerAmendmentSchema : ledgerLineSchema).safeParse(input);
  if (parsed.success) return { kind: 'ledger', ledger: parsed.data };
  const issue = parsed.error.issues[0];
  return {
    kind: 'refused',
    reason: `is no ledger line: ${issue?.path.join('.') ?? ''} ${issue?.message ?? 'unreadable'}`,
  };
}
