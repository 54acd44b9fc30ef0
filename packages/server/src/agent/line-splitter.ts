/**
 * Bytes → lines, in whatever pieces the bytes come. A line that is longer than the bound keeps its beginning, and how much
 * was cut; no more of it than that is ever held. A last line without a line feed waits until somebody asks for it.
 *
 * NULs at the start of a line are passed over: a program that writes on at its old place after its file was truncated
 * leaves a hole there, which reads as NULs, and may be long.
 */

export interface RawLine {
  /** Where it begins in the file, and where the next one does: behind the line feed. */
  readonly start: number;
  readonly end: number;
  /** Without line feed; its beginning where it was too long. */
  readonly bytes: Buffer;
  readonly cutBytes: number;
  /** True where the line feed was still missing. */
  readonly isPartial: boolean;
}

const LINE_FEED = 10;

export class LineSplitter {
  readonly #maxBytes: number;
  #parts: Buffer[] = [];
  #partBytes = 0;
  #cutBytes = 0;
  #lineStart: number;
  #offset: number;

  /** @param offset - where the first byte stands in the file. */
  constructor(offset: number, maxBytes: number) {
    this.#offset = offset;
    this.#lineStart = offset;
    this.#maxBytes = maxBytes;
  }

  /** Where the next byte will stand. */
  get offset(): number {
    return this.#offset;
  }

  /** Where the line begins whose end has not come. */
  get lineStart(): number {
    return this.#lineStart;
  }

  /** True where a line has begun and not ended. */
  get hasPartial(): boolean {
    return this.#partBytes + this.#cutBytes > 0;
  }

  /** Takes the next bytes; gives each line that is complete by now. What it gives may point into `chunk`. */
  push(chunk: Buffer, emit: (line: RawLine) => void): void {
    for (let at = 0; at < chunk.length; ) {
      const feed = chunk.indexOf(LINE_FEED, at);
      const end = feed < 0 ? chunk.length : feed;
      this.#take(chunk, at, end);
      this.#offset += end - at;
      at = end;
      if (feed >= 0) {
        this.#offset += 1;
        at += 1;
        emit(this.#finish(false));
      }
    }
    // What is kept must not hold on to the chunk.
    if (this.#parts.length > 0) this.#parts = [Buffer.concat(this.#parts)];
  }

  /** The line whose end has not come, as if it had. */
  takePartial(): RawLine | undefined {
    return this.hasPartial ? this.#finish(true) : undefined;
  }

  #take(chunk: Buffer, from: number, to: number): void {
    let start = from;
    if (this.#partBytes === 0) while (start < to && chunk[start] === 0) start += 1;
    const room = this.#maxBytes - this.#partBytes;
    const taken = Math.min(room, to - start);
    if (taken > 0) {
      this.#parts.push(chunk.subarray(start, start + taken));
      this.#partBytes += taken;
    }
    this.#cutBytes += to - start - taken;
  }

  #finish(isPartial: boolean): RawLine {
    const [first] = this.#parts;
    const bytes = this.#parts.length === 1 && first !== undefined ? first : Buffer.concat(this.#parts);
    const line = { start: this.#lineStart, end: this.#offset, bytes, cutBytes: this.#cutBytes, isPartial };
    this.#parts = [];
    this.#partBytes = 0;
    this.#cutBytes = 0;
    this.#lineStart = this.#offset;
    return line;
  }
}
