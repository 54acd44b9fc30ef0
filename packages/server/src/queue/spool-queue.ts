/**
 * The embedded queue: the spool module on this machine's disk.
 *
 * `publish` writes all lines of a body and, with `fsync: 'always'`, waits until they are on the device; posts that arrive
 * meanwhile share the next `fdatasync`. The reading place is the store's: its checkpoint says where to start, and the
 * spool's own cursor file follows behind it only so that segments can be freed.
 *
 * A reader that keeps up is served from memory (recent-lines.ts). The disk's reader then stays behind, and catches up when there is
 * nothing else to do: it has to come to the end of a segment before that can be freed.
 */
import {
  comparePositions,
  type FsyncPolicy,
  formatPosition,
  openSpool,
  openSpoolReader,
  type Position,
  parsePosition,
  SPOOL_START,
  type SpoolNotice,
} from 'tailrace/spool';
import { type CheckedLine, type Queue, type QueueBatch, QueueFullError } from './queue.ts';
import { RecentLines } from './recent-lines.ts';

export interface SpoolQueueOptions {
  readonly directory: string;
  readonly fsync: FsyncPolicy;
  readonly maxBytes: number;
  /** The place in the store's checkpoint: new segments get higher numbers, whatever a power cut took. */
  readonly from: string | undefined;
  /** Bytes of lines that a reader may have from memory. @defaultValue 16 MiB */
  readonly recentBytes?: number;
  readonly onNotice?: (notice: SpoolNotice) => void;
  readonly now?: () => number;
}

const CHUNK_BYTES = 1024 * 1024;
const READ_BYTES = 4 * 1024 * 1024;
const RECENT_BYTES = 16 * 1024 * 1024;
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
  const recent = new RecentLines(spool.position(), options.recentBytes ?? RECENT_BYTES);
  /** What is handed out next, and where the disk's reader is: there, or behind it. */
  let next = reader.cursor();
  let diskAt = next;

  function notePublished(bytes: number): void {
    depthBytes += bytes;
    const nowMs = now();
    const last = marks.at(-1);
    if (last === undefined || nowMs - last.atMs >= MARK_STEP_MS) marks.push({ until: spool.position(), atMs: nowMs });
    else marks[marks.length - 1] = { until: spool.position(), atMs: last.atMs };
    for (const wake of wakers) wake();
  }

  /** Resolves when lines were published (true), the time is over, or the signal aborts. */
  function nextPublish(waitMs: number, signal: AbortSignal): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = setTimeout(giveUp, waitMs);
      wakers.add(wake);
      signal.addEventListener('abort', giveUp, { once: true });
      function wake(): void {
        end(true);
      }
      function giveUp(): void {
        end(false);
      }
      function end(isPublished: boolean): void {
        clearTimeout(timer);
        wakers.delete(wake);
        signal.removeEventListener('abort', giveUp);
        resolve(isPublished);
      }
    });
  }

  /** What the disk has behind `next`. What it has before it was handed out from memory, and is passed over. */
  async function readDisk(maxLines: number): Promise<QueueBatch | undefined> {
    for (;;) {
      const isBehind = comparePositions(diskAt, next) < 0;
      // A batch must not reach over `next`, which is the end of a line.
      const maxBytes = isBehind && diskAt.segment === next.segment ? next.offset - diskAt.offset : READ_BYTES;
      const batch = await reader.read({
        maxLines: isBehind ? Number.MAX_SAFE_INTEGER : maxLines,
        maxBytes: Math.min(maxBytes, READ_BYTES),
      });
      if (batch === undefined) return undefined;
      diskAt = batch.to;
      if (comparePositions(diskAt, next) <= 0) continue;
      next = batch.to;
      return {
        lines: linesOf(batch.body),
        unreadable: batch.unreadable.map(({ reason, bytes }) => ({ reason, line: bytes.toString('utf8') })),
        end: formatPosition(batch.to),
      };
    }
  }

  function readRecent(maxLines: number): QueueBatch | undefined {
    const batch = recent.take(next, maxLines);
    if (batch === undefined) return undefined;
    next = batch.end;
    return { lines: batch.lines, checked: batch.checked, unreadable: [], end: formatPosition(batch.end) };
  }

  return {
    placeIn: 'store',
    async publish(lines, checked = []) {
      for (const chunk of chunksOf(lines, checked)) {
        if (!spool.tryAppend(chunk.body, chunk.lines.length)) {
          recent.restart(spool.position());
          throw new QueueFullError('the queue takes nothing now: it is at its bound, or its disk is full; try again');
        }
        recent.add({ ...chunk, bytes: chunk.body.length, end: spool.position() });
        notePublished(chunk.body.length);
      }
      if (options.fsync === 'always') await spool.sync();
    },

    async seek(position) {
      next = await reader.seek(position === undefined ? SPOOL_START : toPosition(position));
      diskAt = next;
      depthBytes = await reader.backlogBytes();
    },

    async read(maxLines, waitMs, signal) {
      const untilMs = performance.now() + waitMs;
      let isIdle = false;
      for (;;) {
        const batch = readRecent(maxLines) ?? (isIdle || !recent.covers(next) ? await readDisk(maxLines) : undefined);
        if (batch !== undefined) return batch;
        const leftMs = untilMs - performance.now();
        if (leftMs <= 0 || signal.aborted) return { lines: [], unreadable: [], end: formatPosition(next) };
        isIdle = !(await nextPublish(leftMs, signal));
      }
    },

    async acknowledge(text) {
      const position = toPosition(text);
      await reader.commit(position);
      if (comparePositions(diskAt, position) < 0) {
        reader.rewind();
        diskAt = reader.cursor();
      }
      marks = marks.filter(({ until }) => comparePositions(until, position) > 0);
      depthBytes = await reader.backlogBytes();
    },

    stats() {
      const nowMs = now();
      const oldestMs = marks[0]?.atMs ?? nowMs;
      return { depthBytes, ageSeconds: Math.max(0, (nowMs - oldestMs) / 1000), passedMs: oldestMs };
    },

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

function linesOf(body: Buffer): string[] {
  const lines = body.toString('utf8').split('\n');
  lines.pop();
  return lines;
}

interface LineChunk {
  readonly body: Buffer;
  readonly lines: readonly string[];
  readonly checked: readonly (CheckedLine | undefined)[];
}

/** Whole lines, about a mebibyte at a time: one write each. */
function* chunksOf(lines: readonly string[], checked: readonly (CheckedLine | undefined)[]): Generator<LineChunk> {
  let start = 0;
  let length = 0;
  for (let i = 0; i < lines.length; i += 1) {
    length += (lines[i]?.length ?? 0) + 1;
    if (length < CHUNK_BYTES && i < lines.length - 1) continue;
    const part = lines.slice(start, i + 1);
    yield { body: Buffer.from(`${part.join('\n')}\n`), lines: part, checked: checked.slice(start, i + 1) };
    start = i + 1;
    length = 0;
  }
}
