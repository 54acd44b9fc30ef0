/** Lines → entries: a line with those that go on with it. Blank lines between entries are nothing, and are passed over. */
import { isUtf8 } from 'node:buffer';
import { type EntryState, endsAtOnce, judgeLine, type Multiline, spansBlankLines } from './continuation.ts';
import type { RawLine } from './line-splitter.ts';

export interface Entry {
  readonly start: number;
  readonly end: number;
  readonly text: string;
  /** Bytes of it that were left out, since a line was too long. */
  readonly cutBytes: number;
  /** True where bytes were no UTF-8, or NUL, and were replaced. */
  readonly isMended: boolean;
  /** True where its last line had no line feed yet. */
  readonly isPartial: boolean;
}

/** An entry of more lines than this is ended, and the next line begins another one. */
const MAX_LINES = 1000;
const BYTE_ORDER_MARK = '\uFEFF';

export class EntryAssembler {
  readonly #rule: Multiline;
  readonly #maxBytes: number;
  #open: { entry: Entry; state: EntryState; lines: string[]; bytes: number } | undefined;
  #blankLines = 0;

  constructor(rule: Multiline, maxBytes: number) {
    this.#rule = rule;
    this.#maxBytes = maxBytes;
  }

  /** Where the entry begins that may still go on. */
  get openStart(): number | undefined {
    return this.#open?.entry.start;
  }

  add(line: RawLine, emit: (entry: Entry) => void): void {
    const decoded = decode(line);
    if (decoded.text.trim() === '' && line.cutBytes === 0) {
      if (this.#open !== undefined && spansBlankLines(this.#rule, this.#open.state)) this.#blankLines += 1;
      else this.flush(emit);
      return;
    }
    const open = this.#open;
    const verdict = judgeLine(this.#rule, open?.state, decoded.text);
    const bytes = line.bytes.length + this.#blankLines + 1;
    if (verdict.continues && open !== undefined && this.#hasRoom(open, bytes)) {
      for (; this.#blankLines > 0; this.#blankLines -= 1) open.lines.push('');
      open.lines.push(decoded.text);
      open.bytes += bytes;
      open.state = verdict.state;
      open.entry = {
        ...open.entry,
        end: line.end,
        cutBytes: open.entry.cutBytes + line.cutBytes,
        isMended: open.entry.isMended || decoded.isMended,
        isPartial: line.isPartial,
      };
    } else {
      this.flush(emit);
      const { start, end, cutBytes, isPartial } = line;
      this.#open = {
        entry: { start, end, cutBytes, isPartial, isMended: decoded.isMended, text: '' },
        state: verdict.state,
        lines: [decoded.text],
        bytes,
      };
    }
    if (line.isPartial || endsAtOnce(this.#rule, verdict.state)) this.flush(emit);
  }

  /** Ends the open entry. */
  flush(emit: (entry: Entry) => void): void {
    const open = this.#open;
    this.#open = undefined;
    this.#blankLines = 0;
    if (open !== undefined) emit({ ...open.entry, text: open.lines.join('\n') });
  }

  #hasRoom(open: { readonly lines: readonly string[]; readonly bytes: number }, bytes: number): boolean {
    return open.lines.length + this.#blankLines < MAX_LINES && open.bytes + bytes <= this.#maxBytes;
  }
}

function decode(line: RawLine): { readonly text: string; readonly isMended: boolean } {
  const { bytes } = line;
  let text = bytes.toString('utf8');
  if (line.start === 0 && text.startsWith(BYTE_ORDER_MARK)) text = text.slice(1);
  if (text.endsWith('\r')) text = text.slice(0, -1);
  const hasNul = bytes.includes(0);
  if (hasNul) text = text.replaceAll('\0', '\uFFFD');
  // A line that was cut may end within a character, which is no fault of its writer.
  return { text, isMended: hasNul || (line.cutBytes === 0 && !isUtf8(bytes)) };
}
