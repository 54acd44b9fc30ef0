/** The lines of one turn of the event loop, each with its line feed, in one buffer: they are written with one `write`. */
import { LINE_FEED, MAX_LINE_BYTES } from './segment.ts';

const INITIAL_BYTES = 128 * 1024;
/** A UTF-16 unit takes three bytes of UTF-8 at most. */
const BYTES_PER_UNIT = 3;

export class TurnLines {
  #buffer = Buffer.allocUnsafeSlow(INITIAL_BYTES);
  #sequences: number[] = [];
  #urgency: boolean[] = [];
  bytes = 0;

  get count(): number {
    return this.#sequences.length;
  }

  /** False where the line may be longer than what is left of the buffer. */
  hasRoomFor(line: string): boolean {
    return this.bytes + mostBytes(line) <= this.#buffer.length;
  }

  /** Makes the buffer of an empty turn large enough for a line; false where the line is over the bound. */
  grow(line: string): boolean {
    if (line.length > MAX_LINE_BYTES) return false;
    if (mostBytes(line) > this.#buffer.length) this.#buffer = Buffer.allocUnsafeSlow(mostBytes(line));
    return true;
  }

  /** Puts a line behind the others, not yet counted among them, and says how many bytes it has with its line feed. */
  put(line: string): number {
    return this.#buffer.write(line, this.bytes) + 1;
  }

  /** Counts the line that was put last. */
  keep(bytes: number, sequence: number, urgent: boolean): void {
    this.bytes += bytes;
    this.#buffer[this.bytes - 1] = LINE_FEED;
    this.#sequences.push(sequence);
    this.#urgency.push(urgent);
  }

  /** All lines; the turn is empty afterwards. Their bytes are valid until the next line is put. */
  take(): { readonly bytes: Buffer; readonly sequences: readonly number[]; readonly urgency: readonly boolean[] } {
    const taken = {
      bytes: this.#buffer.subarray(0, this.bytes),
      sequences: this.#sequences,
      urgency: this.#urgency,
    };
    this.bytes = 0;
    this.#sequences = [];
    this.#urgency = [];
    return taken;
  }
}

function mostBytes(line: string): number {
  return line.length * BYTES_PER_UNIT + 1;
}
