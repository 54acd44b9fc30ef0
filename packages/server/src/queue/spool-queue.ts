/**
 * The embedded queue: the spool module on this machine's disk.
 *
 * `publish` writes all lines of a body and, with `fsync: 'always'`, waits until they are on the device; posts that arrive
 * meanwhile share the next `fdatasync`. The reading place is the store's: its checkpoint says where to start, and the
 * spool's own cursor file follows behind it only so that segments can be freed.
 */
import {
  type FsyncPolicy,
  formatPosition,
  openSpool,
  openSpoolReader,
  type Position,
  parsePosition,
  SPOOL_START,
  type SpoolNotice,
} from 'tailrace/spool';
import { type Queue, type QueueBatch, QueueFullError } from './queue.ts';

export interface SpoolQueueOptions {
  readonly directory: string;
  readonly fsync: FsyncPolicy;
  readonly maxBytes: number;
  /** The place in the store's checkpoint: new segments get higher numbers, whatever a power cut took. */
  readonly from: string | undefined;
  readonly onNotice?: (notice: SpoolNotice) => void;
  readonly now?: () => number;
}

const CHUNK_BYTES = 1024 * 1024;
const READ_BYTES = 4 * 1024 * 1024;
const MARK_STEP_MS = 250;

/** When the lines up to a place were published. */
interface Mark {
  readonly until: Position;
  readonly atMs: number;
}

/** @throws Error where the folder's place can't be read back. */
export async function openSpoolQueue(options: SpoolQueueOptions): Promise<Queue> {
  const now = options.now ?? Date.now;
  const onNotice = options.onNotice ?? (() => {});
  const from = options.from === undefined ? undefined : toPosition(options.from);
  const spool = openSpool({
    directory: options.directory,
    maxBytes: options.maxBytes,
    reserveBytes: 0,
    // `publish` forces the lines itself, once for all that wait.
    fsync: options.fsync === 'always' ? 'off' : options.fsync,
    ...(from === undefined ? {} : { minSegment: from.segment + 1 }),
    onNotice,
  });
  const reader = await openSpoolReader({
    directory: options.directory,
    cursor: 'writer',
    ...(from === undefined ? {} : { from }),
    onNotice,
  });

  const wakers = new Set<() => void>();
  let marks: Mark[] = [];
  let depthBytes = await reader.backlogBytes();
  if (depthBytes > 0) marks.push({ until: spool.position(), atMs: now() });

  function notePublished(bytes: number): void {
    depthBytes += bytes;
    const nowMs = now();
    const last = marks.at(-1);
    if (last === undefined || nowMs - last.atMs >= MARK_STEP_MS) marks.push({ until: spool.position(), atMs: nowMs });
    else marks[marks.length - 1] = { until: spool.position(), atMs: last.atMs };
    for (const wake of wakers) wake();
  }

  /** Resolves when lines were published, the time is over, or the signal aborts. */
  function nextPublish(waitMs: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(done, waitMs);
      wakers.add(done);
      signal.addEventListener('abort', done, { once: true });
      function done(): void {
        clearTimeout(timer);
        wakers.delete(done);
        signal.removeEventListener('abort', done);
        resolve();
      }
    });
  }

  return {
    async publish(lines) {
      for (const chunk of chunksOf(lines)) {
        if (!spool.tryAppend(chunk.body, chunk.lines)) {
          throw new QueueFullError('the queue takes nothing now: it is at its bound, or its disk is full; try again');
        }
        notePublished(chunk.body.length);
      }
      if (options.fsync === 'always') await spool.sync();
    },

    async seek(position) {
      await reader.seek(position === undefined ? SPOOL_START : toPosition(position));
      depthBytes = await reader.backlogBytes();
    },

    async read(maxLines, waitMs, signal) {
      const untilMs = performance.now() + waitMs;
      for (;;) {
        const batch = await reader.read({ maxLines, maxBytes: READ_BYTES });
        if (batch !== undefined) {
          return {
            lines: linesOf(batch.body),
            unreadable: batch.unreadable.map(({ reason, bytes }) => ({ reason, line: bytes.toString('utf8') })),
            end: formatPosition(batch.to),
          } satisfies QueueBatch;
        }
        const leftMs = untilMs - performance.now();
        if (leftMs <= 0 || signal.aborted) return { lines: [], unreadable: [], end: formatPosition(reader.cursor()) };
        await nextPublish(leftMs, signal);
      }
    },

    async acknowledge(text) {
      const position = toPosition(text);
      await reader.commit(position);
      marks = marks.filter(({ until }) => isAfter(until, position));
      depthBytes = await reader.backlogBytes();
    },

    stats: () => ({
      depthBytes,
      ageSeconds: marks[0] === undefined ? 0 : Math.max(0, (now() - marks[0].atMs) / 1000),
    }),

    async close() {
      await reader.close();
      spool.close();
    },
  };
}

function toPosition(text: string): Position {
  const position = parsePosition(text);
  if (position === undefined) throw new Error(`not a place in the queue: ${JSON.stringify(text)}`);
  return position;
}

function isAfter(a: Position, b: Position): boolean {
  return a.segment > b.segment || (a.segment === b.segment && a.offset > b.offset);
}

function linesOf(body: Buffer): string[] {
  const lines = body.toString('utf8').split('\n');
  lines.pop();
  return lines;
}

/** Whole lines, about a mebibyte at a time: one write each. */
function* chunksOf(lines: readonly string[]): Generator<{ readonly body: Buffer; readonly lines: number }> {
  let start = 0;
  let length = 0;
  for (let i = 0; i < lines.length; i += 1) {
    length += (lines[i]?.length ?? 0) + 1;
    if (length < CHUNK_BYTES && i < lines.length - 1) continue;
    const part = lines.slice(start, i + 1);
    yield { body: Buffer.from(`${part.join('\n')}\n`), lines: part.length };
    start = i + 1;
    length = 0;
  }
}
