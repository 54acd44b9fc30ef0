interface WaitingLine {
  /** With its line feed; `undefined` once it was dropped to make room. */
  bytes: Buffer | undefined;
  readonly sequence: number;
  readonly isUrgent: boolean;
}

export interface LineGroup {
  readonly bytes: Buffer;
  readonly sequences: readonly number[];
  /** How many entries of the queue the group covers. */
  readonly entries: number;
}

/**
 * The memory stage: lines in order, bounded by bytes. An urgent line that finds no room takes that of normal ones, oldest
 * first.
 */
export class WaitingLines {
  readonly #maxBytes: number;
  readonly #onEvict: (sequence: number) => void;
  #lines: WaitingLine[] = [];
  #bytes = 0;
  #count = 0;
  /** No normal line stands before this index: eviction need not look there again. */
  #evictFrom = 0;

  constructor(maxBytes: number, onEvict: (sequence: number) => void) {
    this.#maxBytes = maxBytes;
    this.#onEvict = onEvict;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get count(): number {
    return this.#count;
  }

  /** Takes a line with its line feed; false when there is no room for it. */
  add(bytes: Buffer, sequence: number, isUrgent: boolean): boolean {
    if (this.#bytes + bytes.length > this.#maxBytes) {
      if (!isUrgent || bytes.length > this.#maxBytes) return false;
      this.#evict(this.#bytes + bytes.length - this.#maxBytes);
      if (this.#bytes + bytes.length > this.#maxBytes) return false;
    }
    this.#lines.push({ bytes, sequence, isUrgent });
    this.#bytes += bytes.length;
    this.#count += 1;
    return true;
  }

  /** The lines at the head, up to `maxBytes` together but at least one; `undefined` when there are none. */
  head(maxBytes: number): LineGroup | undefined {
    if (this.#count === 0) return undefined;
    const parts: Buffer[] = [];
    const sequences: number[] = [];
    let total = 0;
    let entries = 0;
    for (const line of this.#lines) {
      if (line.bytes !== undefined) {
        if (parts.length > 0 && total + line.bytes.length > maxBytes) break;
        parts.push(line.bytes);
        sequences.push(line.sequence);
        total += line.bytes.length;
      }
      entries += 1;
    }
    return { bytes: Buffer.concat(parts, total), sequences, entries };
  }

  /** Removes the first `count` lines of the head. */
  remove(count: number): void {
    let entries = 0;
    let left = count;
    while (left > 0 && entries < this.#lines.length) {
      const bytes = this.#lines[entries]?.bytes;
      entries += 1;
      if (bytes === undefined) continue;
      this.#bytes -= bytes.length;
      this.#count -= 1;
      left -= 1;
    }
    this.#lines.splice(0, entries);
    if (this.#count === 0) this.#lines = [];
    this.#evictFrom = Math.max(0, this.#evictFrom - entries);
  }

  /** Empties the queue and gives back the numbers of what was in it. */
  clear(): number[] {
    const sequences = this.#lines.filter((line) => line.bytes !== undefined).map((line) => line.sequence);
    this.#lines = [];
    this.#bytes = 0;
    this.#count = 0;
    this.#evictFrom = 0;
    return sequences;
  }

  #evict(neededBytes: number): void {
    let freed = 0;
    while (freed < neededBytes && this.#evictFrom < this.#lines.length) {
      const line = this.#lines[this.#evictFrom];
      this.#evictFrom += 1;
      if (line === undefined || line.isUrgent || line.bytes === undefined) continue;
      freed += line.bytes.length;
      this.#bytes -= line.bytes.length;
      this.#count -= 1;
      line.bytes = undefined;
      this.#onEvict(line.sequence);
    }
  }
}
