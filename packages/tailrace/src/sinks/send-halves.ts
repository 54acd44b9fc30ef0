/** A batch that a destination can't take as it is, in halves: too large for it, or with a line in it that it refuses. */
import { type Batch, type SinkOutcome, toBatch } from '../delivery/sink.ts';

/** The body was too long: both halves on their own, and their outcomes put together. */
export async function sendHalves(
  batch: Batch,
  signal: AbortSignal,
  send: (batch: Batch, signal: AbortSignal) => Promise<SinkOutcome>,
): Promise<SinkOutcome> {
  const middle = Math.ceil(batch.lines.length / 2);
  const refused: { index: number; reason: string }[] = [];
  const retry: number[] = [];
  let duplicates = 0;
  let reason: string | undefined;
  let afterMs: number | undefined;
  for (const [offset, lines] of [
    [0, batch.lines.slice(0, middle)],
    [middle, batch.lines.slice(middle)],
  ] as const) {
    const outcome = await send(toBatch(lines), signal);
    const indices = lines.map((_, index) => offset + index);
    if (outcome.kind === 'refused') refused.push(...indices.map((index) => ({ index, reason: outcome.reason })));
    if (outcome.kind === 'retry') retry.push(...indices);
    if (outcome.kind === 'partial') {
      refused.push(...outcome.refused.map((line) => ({ ...line, index: offset + line.index })));
      retry.push(...outcome.retry.map((index) => offset + index));
    }
    if ('duplicates' in outcome) duplicates += outcome.duplicates ?? 0;
    if (outcome.kind === 'retry' || outcome.kind === 'partial') {
      reason = outcome.reason ?? reason;
      afterMs = outcome.afterMs ?? afterMs;
    }
  }
  return {
    kind: 'partial',
    refused,
    retry,
    duplicates,
    ...(reason !== undefined && { reason }),
    ...(afterMs !== undefined && { afterMs }),
  };
}
