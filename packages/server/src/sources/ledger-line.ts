import { LEDGER_SCHEMA, type LedgerLine } from 'tailrace/ledger';
import { z } from 'zod';

const count = z.int().min(0);
const intervals = z
  .array(z.tuple([z.int().min(1), z.int().min(1)]).refine(([from, to]) => from <= to, 'must ascend'))
  .max(10_000);
const losses = z.record(z.string().min(1).max(128), z.object({ count, sequences: intervals }));
const counts = z.record(z.string().min(1).max(128), count);

export const ledgerLineSchema: z.ZodType<LedgerLine> = z.object({
  schema: z.literal(LEDGER_SCHEMA),
  producer: z.string().regex(/^[0-9a-z]{8,32}$/),
  service: z.string().max(256),
  host: z.string().max(256),
  pid: z.int().min(0),
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

export type CheckedLedgerLine =
  | { readonly kind: 'ledger'; readonly ledger: LedgerLine }
  | { readonly kind: 'refused'; readonly reason: string };

export function checkLedgerLine(input: unknown): CheckedLedgerLine {
  const parsed = ledgerLineSchema.safeParse(input);
  if (parsed.success) return { kind: 'ledger', ledger: parsed.data };
  const issue = parsed.error.issues[0];
  return {
    kind: 'refused',
    reason: `is no ledger line: ${issue?.path.join('.') ?? ''} ${issue?.message ?? 'unreadable'}`,
  };
}
