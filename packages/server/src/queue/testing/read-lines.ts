/** Lines to publish, and reading until they are there. */
import type { Queue } from '../queue.ts';

export const NEVER: AbortSignal = new AbortController().signal;

const PRODUCER = '0mb1x9k3fqz7a';

/** Events of one producer, of three traces. */
export function numbered(from: number, to: number, text = '한국어 ✓'): string[] {
  return Array.from({ length: to - from + 1 }, (_, i) => {
    const sequence = from + i;
    return JSON.stringify({
      schema: 'tailrace/event/v1',
      event_id: `${PRODUCER}-${sequence}`,
      timestamp: '2026-11-21T09:32:00.000Z',
      trace_id: `trace-${sequence % 3}`,
      text,
    });
  });
}

export interface Found {
  readonly lines: readonly string[];
  readonly unreadable: readonly { readonly reason: string; readonly line: string }[];
  /** The place behind the last of them. */
  readonly end: string;
}

/** Reads until so many different lines were there. What the queue can't do at the moment is tried again, as the writer does. */
export async function readUntil(queue: Queue, count: number, timeoutMs = 40_000): Promise<Found> {
  return readWhile(queue, (found) => found.lines.length + found.unreadable.length < count, timeoutMs);
}

/** Reads as long as the condition holds; every line once, however often it came. */
export async function readWhile(
  queue: Queue,
  isIncomplete: (found: Found) => boolean,
  timeoutMs = 40_000,
): Promise<Found> {
  const untilMs = performance.now() + timeoutMs;
  const lines = new Set<string>();
  const unreadable: { reason: string; line: string }[] = [];
  let end = '';
  const found = (): Found => ({ lines: [...lines], unreadable, end });
  while (isIncomplete(found())) {
    if (performance.now() > untilMs) {
      throw new Error(
        `within ${timeoutMs} ms there were ${lines.size} lines and ${unreadable.length} unreadable ones only`,
      );
    }
    try {
      const batch = await queue.read(1000, 250, NEVER);
      for (const line of batch.lines) lines.add(line);
      unreadable.push(...batch.unreadable);
      if (batch.lines.length + batch.unreadable.length > 0) end = batch.end;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  return found();
}

/** What is there now. */
export async function drain(queue: Queue): Promise<Found> {
  let last = -1;
  return readWhile(queue, ({ lines, unreadable }) => {
    const size = lines.length + unreadable.length;
    const hasMore = size !== last;
    last = size;
    return hasMore;
  });
}
