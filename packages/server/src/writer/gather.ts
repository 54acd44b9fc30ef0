/** Batches of a queue, put together until they are worth an insert; what has to be alone stays alone. */
import type { Queue, QueueBatch } from '../queue/queue.ts';

export interface GatherOptions {
  readonly maxLines: number;
  /** How long the first line is waited for. */
  readonly waitMs: number;
  /** How long the others are waited for, once there is one; 0 takes what is there. */
  readonly gatherMs: number;
}

const MAX_BYTES = 8 * 1024 * 1024;

export async function gatherBatch(queue: Queue, options: GatherOptions, signal: AbortSignal): Promise<QueueBatch> {
  const { maxLines, waitMs, gatherMs } = options;
  let batch = await queue.read(maxLines, waitMs, signal);
  if (gatherMs === 0 || sizeOf(batch) === 0) return batch;
  const untilMs = performance.now() + gatherMs;
  let bytes = bytesOf(batch);
  while (sizeOf(batch) < maxLines && bytes < MAX_BYTES && !signal.aborted) {
    const leftMs = untilMs - performance.now();
    if (leftMs <= 0) break;
    const next = await readMore(queue, maxLines - sizeOf(batch), leftMs, signal);
    if (next === undefined || sizeOf(next) === 0) break;
    bytes += bytesOf(next);
    batch = joinBatches(batch, next);
  }
  return batch;
}

/** What was read already must not wait for a queue that fails meanwhile: the next read tells of the failure. */
async function readMore(queue: Queue, maxLines: number, waitMs: number, signal: AbortSignal) {
  try {
    return await queue.read(maxLines, waitMs, signal, true);
  } catch {
    return undefined;
  }
}

function joinBatches(a: QueueBatch, b: QueueBatch): QueueBatch {
  return {
    lines: [...a.lines, ...b.lines],
    checked: [...(a.checked ?? a.lines.map(() => undefined)), ...(b.checked ?? [])],
    unreadable: [...a.unreadable, ...b.unreadable],
    end: b.end,
  };
}

function sizeOf({ lines, unreadable }: QueueBatch): number {
  return lines.length + unreadable.length;
}

function bytesOf({ lines }: QueueBatch): number {
  return lines.reduce((bytes, line) => bytes + line.length, 0);
}
