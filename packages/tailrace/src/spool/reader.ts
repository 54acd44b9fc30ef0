import { type FileHandle, open } from 'node:fs/promises';
import { batchOfUnreadable, type Chunk, reasonForTornEnd, takeBatch } from './chunk.ts';
import { checkCursorName } from './cursor.ts';
import { DurableCursor } from './durable-cursor.ts';
import { comparePositions, formatPosition, type Position, SPOOL_START } from './position.ts';
import { hasCode, LINE_FEED, listSegmentNumbers, listSegments, MAX_LINE_BYTES, segmentPath } from './segment.ts';
import type { ReadLimits, SpoolBatch, SpoolNoticeCode, SpoolReader, SpoolReaderOptions } from './types.ts';

const SMALLEST_READ = 64 * 1024;

/**
 * Opens the reading end of one route, in any thread or process, while the writer is at work or after it is gone. The cursor
 * is made where there is none.
 *
 * @throws RangeError when the cursor's name isn't one.
 *
 * @example
 * const reader = await openSpoolReader({ directory, cursor: 'tailrace' });
 * const batch = await reader.read({ maxLines: 500, maxBytes: 1024 * 1024 });
 * if (batch !== undefined) await reader.commit(batch.to);
 */
export async function openSpoolReader(options: SpoolReaderOptions): Promise<SpoolReader> {
  checkCursorName(options.cursor);
  const reader = new DiskSpoolReader(options);
  await reader.start();
  return reader;
}

/** A place to look for lines, where there are none at the one that was asked for. */
interface Elsewhere {
  readonly goOnAt: Position;
}

class DiskSpoolReader implements SpoolReader {
  readonly #options: SpoolReaderOptions;
  readonly #directory: string;
  readonly #isEnded: boolean;
  readonly #cursor: DurableCursor;

  #next = SPOOL_START;
  /** Ends of segments that were read through and never change again, and where reading went on. */
  readonly #passed = new Map<number, { readonly end: Position; readonly next: Position }>();
  /** Where the cursor's file went on behind the place that it was told to start from. */
  #handedOn: { readonly end: Position; readonly next: Position } | undefined;
  #chunk: Chunk | undefined;
  #file: { readonly segment: number; readonly handle: FileHandle } | undefined;

  #reading: Promise<unknown> = Promise.resolve();
  #isClosed = false;

  constructor(options: SpoolReaderOptions) {
    this.#options = options;
    this.#directory = options.directory;
    this.#isEnded = options.isEnded ?? false;
    this.#cursor = new DurableCursor({
      directory: options.directory,
      name: options.cursor,
      intervalMs: options.cursorIntervalMs ?? 500,
      tell: (code, message) => this.#tell(code, message),
    });
  }

  async start(): Promise<void> {
    const stored = await this.#cursor.load((reason) => this.#tellInvalid(reason));
    const { from } = this.#options;
    // Whoever keeps the place elsewhere names the end of a segment; the cursor has gone from there to the start of a later one
    // already, and the segment may be gone. That is no loss.
    if (from !== undefined && stored?.offset === 0 && stored.segment > from.segment) {
      this.#handedOn = { end: from, next: stored };
    }
    await this.#startFrom(from ?? stored ?? SPOOL_START);
  }

  read(limits: ReadLimits): Promise<SpoolBatch | undefined> {
    const batch = this.#reading.then(() => this.#read(limits));
    this.#reading = batch.catch(() => undefined);
    return batch;
  }

  rewind(): void {
    this.#next = this.#cursor.place;
  }

  async seek(position: Position): Promise<Position> {
    await this.#reading;
    await this.#startFrom(position);
    return this.#cursor.place;
  }

  async commit(to: Position): Promise<void> {
    if (comparePositions(to, this.#cursor.place) > 0) await this.#cursor.move(this.#beyondSealed(to));
  }

  persist(): Promise<void> {
    return this.#cursor.persist();
  }

  cursor(): Position {
    return this.#cursor.place;
  }

  async backlogBytes(): Promise<number> {
    const { segment: at, offset } = this.#cursor.place;
    let bytes = 0;
    for (const { segment, bytes: size } of await listSegments(this.#directory)) {
      if (segment > at) bytes += size;
      else if (segment === at) bytes += Math.max(0, size - offset);
    }
    return bytes;
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#reading;
    await this.#cursor.close();
    await this.#closeFile();
  }

  async #read(limits: ReadLimits): Promise<SpoolBatch | undefined> {
    if (this.#isClosed) return undefined;
    for (;;) {
      const from = this.#next;
      const chunk = this.#chunk;
      if (chunk !== undefined && holds(chunk, from)) {
        const batch = takeBatch(chunk, from, limits, this.#isEnded);
        this.#next = batch.to;
        if (batch.lines.length > 0 || batch.unreadable.length > 0) return batch;
        continue;
      }
      this.#chunk = undefined;
      const found = await this.#load(from, limits.maxBytes);
      // It was rewound meanwhile: what was found is no longer what comes next.
      if (this.#next !== from) continue;
      if (found === undefined) return undefined;
      if ('goOnAt' in found) {
        this.#next = found.goOnAt;
      } else if ('unreadable' in found) {
        this.#next = found.to;
        return found;
      } else {
        this.#chunk = found;
      }
    }
  }

  /** Whole lines from `from` on; or one piece that is no line; or where to look instead; or nothing. */
  async #load(from: Position, maxBytes: number): Promise<Chunk | SpoolBatch | Elsewhere | undefined> {
    const handle = await this.#openFile(from.segment);
    if (handle === undefined) return this.#skipMissing(from);
    const size = (await handle.stat()).size;
    const available = size - from.offset;
    if (available <= 0) return this.#goOn(from, handle);

    let bytes = await readAt(handle, from.offset, Math.min(available, Math.max(maxBytes, SMALLEST_READ)));
    let end = bytes.lastIndexOf(LINE_FEED) + 1;
    if (end === 0 && bytes.length < available && bytes.length <= MAX_LINE_BYTES) {
      bytes = await readAt(handle, from.offset, Math.min(available, MAX_LINE_BYTES + 1));
      end = bytes.lastIndexOf(LINE_FEED) + 1;
    }
    if (end > 0) return { at: from, bytes: bytes.subarray(0, end) };

    const lineEnd = bytes.length < available ? await findLineEnd(handle, from.offset + bytes.length, size) : undefined;
    if (lineEnd !== undefined) {
      return batchOfUnreadable(from, { ...from, offset: lineEnd }, 'line_too_large', bytes);
    }
    // What stands here is no whole line. While the segment is written that is nothing; afterwards it is torn.
    if (!(await this.#isComplete(from.segment, handle, size))) return undefined;
    return batchOfUnreadable(from, { ...from, offset: size }, reasonForTornEnd(bytes), bytes);
  }

  /** At the end of a segment: on to the next one, when there is one and nothing was added to this one before it came. */
  async #goOn(from: Position, handle: FileHandle): Promise<Elsewhere | undefined> {
    const later = await this.#laterSegment(from.segment);
    if (later === undefined) return undefined;
    if ((await handle.stat()).size > from.offset) return { goOnAt: from };
    const next = { segment: later, offset: 0 };
    this.#passed.set(from.segment, { end: from, next });
    if (comparePositions(this.#cursor.place, from) === 0) await this.#cursor.move(this.#beyondSealed(from));
    return { goOnAt: next };
  }

  /**
   * A cursor at the end of a sealed segment stands at the start of the next one. Without that, a segment would be held until
   * something after it was committed, which on a disk that it fills would never come.
   */
  #beyondSealed(place: Position): Position {
    let beyond = place;
    for (const [segment, { end, next }] of this.#passed) {
      if (segment > beyond.segment) break;
      if (comparePositions(end, beyond) === 0) beyond = next;
      if (segment < beyond.segment) this.#passed.delete(segment);
    }
    return beyond;
  }

  async #skipMissing(from: Position): Promise<Elsewhere | undefined> {
    const later = await this.#laterSegment(from.segment);
    if (later === undefined) return undefined;
    // A new spool's first cursor is at 1:0, whatever its first segment.
    if (comparePositions(from, SPOOL_START) !== 0) {
      this.#tell('segment_missing', `segment ${from.segment} is gone: reading goes on at ${later}`);
    }
    return { goOnAt: { segment: later, offset: 0 } };
  }

  /** True when the segment will not change again: a later one was there before its size was asked for. */
  async #isComplete(segment: number, handle: FileHandle, size: number): Promise<boolean> {
    if (!this.#isEnded && (await this.#laterSegment(segment)) === undefined) return false;
    return (await handle.stat()).size === size;
  }

  async #laterSegment(segment: number): Promise<number | undefined> {
    return (await listSegmentNumbers(this.#directory)).find((number) => number > segment);
  }

  async #startFrom(asked: Position): Promise<void> {
    const position = await this.#onFrom(asked);
    const fault = await this.#faultOf(position);
    if (fault !== undefined) this.#tellInvalid(`${formatPosition(position)} ${fault}`);
    this.#next = fault === undefined ? position : SPOOL_START;
    this.#chunk = undefined;
    this.#passed.clear();
    // At once: a file that says more than is true would let other routes free what this one has still to read.
    await this.#cursor.reset(this.#next);
  }

  async #onFrom(position: Position): Promise<Position> {
    const handedOn = this.#handedOn;
    if (handedOn === undefined || comparePositions(handedOn.end, position) !== 0) return position;
    return (await this.#openFile(position.segment)) === undefined ? handedOn.next : position;
  }

  /** What is wrong with a place that was kept: it lies behind the end, or not at the start of a line. */
  async #faultOf({ segment, offset }: Position): Promise<string | undefined> {
    if (segment === 1 && offset === 0) return undefined;
    const handle = await this.#openFile(segment);
    if (handle === undefined) {
      const isPassed = (await this.#laterSegment(segment)) !== undefined;
      return isPassed ? undefined : 'is behind the last segment';
    }
    const size = (await handle.stat()).size;
    if (offset === 0 || offset === size) return undefined;
    if (offset > size) return `is behind the end of its segment (${size} bytes)`;
    const before = await readAt(handle, offset - 1, 1);
    return before[0] === LINE_FEED ? undefined : 'is in the middle of a line';
  }

  async #openFile(segment: number): Promise<FileHandle | undefined> {
    if (this.#file?.segment === segment) return this.#file.handle;
    await this.#closeFile();
    try {
      const handle = await open(segmentPath(this.#directory, segment), 'r');
      this.#file = { segment, handle };
      return handle;
    } catch (error) {
      if (hasCode(error, 'ENOENT')) return undefined;
      throw error;
    }
  }

  async #closeFile(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.handle.close();
  }

  #tellInvalid(reason: string): void {
    this.#tell('cursor_invalid', `${reason}: reading starts at the oldest line`);
  }

  #tell(code: SpoolNoticeCode, message: string): void {
    try {
      this.#options.onNotice?.({ code, message: `cursor ${this.#options.cursor} of ${this.#directory}: ${message}` });
    } catch {
      // Whoever listens must not stop the reading.
    }
  }
}

function holds(chunk: Chunk, place: Position): boolean {
  const { segment, offset } = chunk.at;
  return segment === place.segment && place.offset >= offset && place.offset < offset + chunk.bytes.length;
}

async function readAt(handle: FileHandle, offset: number, length: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafeSlow(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await handle.read(bytes, filled, length - filled, offset + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return bytes.subarray(0, filled);
}

/** The place after the next line feed, `undefined` where there is none before `size`. */
async function findLineEnd(handle: FileHandle, offset: number, size: number): Promise<number | undefined> {
  for (let at = offset; at < size; ) {
    const bytes = await readAt(handle, at, Math.min(SMALLEST_READ, size - at));
    if (bytes.length === 0) return undefined;
    const index = bytes.indexOf(LINE_FEED);
    if (index >= 0) return at + index + 1;
    at += bytes.length;
  }
  return undefined;
}
