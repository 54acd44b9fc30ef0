/** Bytes of one file → its entries, and the place up to which all is told. */
import type { Multiline } from './continuation.ts';
import { type Entry, EntryAssembler } from './entry-assembler.ts';
import { LineSplitter } from './line-splitter.ts';

export class EntryReader {
  readonly #splitter: LineSplitter;
  readonly #assembler: EntryAssembler;

  constructor(offset: number, rule: Multiline, maxLineBytes: number) {
    this.#splitter = new LineSplitter(offset, maxLineBytes);
    this.#assembler = new EntryAssembler(rule, maxLineBytes);
  }

  /** Where the next byte is to come from. */
  get offset(): number {
    return this.#splitter.offset;
  }

  /** Everything before it was given as entries; what lies between it and `offset` waits for more. */
  get settled(): number {
    return this.#assembler.openStart ?? (this.#splitter.hasPartial ? this.#splitter.lineStart : this.#splitter.offset);
  }

  get hasPartialLine(): boolean {
    return this.#splitter.hasPartial;
  }

  push(chunk: Buffer, emit: (entry: Entry) => void): void {
    this.#splitter.push(chunk, (line) => this.#assembler.add(line, emit));
  }

  /** Gives the open entry, for which nothing came any more. A line that has begun stays. */
  endEntry(emit: (entry: Entry) => void): void {
    this.#assembler.flush(emit);
  }

  /** Gives all that is left, as if the file ended here. */
  endFile(emit: (entry: Entry) => void): void {
    const line = this.#splitter.takePartial();
    if (line !== undefined) this.#assembler.add(line, emit);
    this.#assembler.flush(emit);
  }
}
