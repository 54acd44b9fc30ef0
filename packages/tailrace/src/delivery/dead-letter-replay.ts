/** Dead letters, read once more as if they were a spool: so that a replay is delivery, with nothing of its own. */
import { readFile, rename, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { type Position, SPOOL_START } from '../spool/position.ts';
import type { ReadLimits, SpoolBatch, SpoolReader, UnreadableLine } from '../spool/types.ts';
import { type DeadLetter, decodeDeadLetter } from './dead-letter.ts';
import { listDeadLetterFiles, splitLines } from './dead-letters.ts';
import { toBatch } from './sink.ts';

const TAKEN = '.replay';

/** Takes the files that a route's folder holds now; those that come later are not of this replay. */
export async function takeDeadLetterFiles(deadRoot: string, route: string): Promise<string[]> {
  const taken: string[] = [];
  for (const { path } of await listDeadLetterFiles(join(deadRoot, route))) {
    if (path.endsWith(TAKEN)) {
      taken.push(path);
      continue;
    }
    const name = `${path}${TAKEN}`;
    await rename(path, name);
    taken.push(name);
  }
  return taken;
}

/**
 * Reads dead letters file by file: a file is a segment, an offset counts its lines. A file goes when the cursor has
 * passed it; a crash before that replays all of it again.
 */
export class DeadLetterReader implements SpoolReader {
  readonly #files: readonly string[];
  /** How many dead letters each file holds that was read. */
  readonly #linesOf = new Map<number, number>();
  #segment = 0;
  #letters: readonly (DeadLetter | Buffer)[] = [];
  /** Which letter a line on its way was: it gets its next round if it comes back. */
  readonly #letterOf = new WeakMap<Buffer, DeadLetter>();
  #next = 0;
  #committed = SPOOL_START;
  #freedBelow = 1;
  #replayed = 0;

  constructor(files: readonly string[]) {
    this.#files = files;
  }

  /** The letter whose line this very buffer is. */
  letterOf(line: Buffer): DeadLetter | undefined {
    return this.#letterOf.get(line);
  }

  /** Dead letters that the cursor has passed. */
  get replayed(): number {
    return this.#replayed;
  }

  async read(limits: ReadLimits): Promise<SpoolBatch | undefined> {
    while (this.#next >= this.#letters.length) {
      const file = this.#files[this.#segment];
      if (file === undefined) return undefined;
      this.#letters = splitLines(await readFile(file)).map((line) => decodeDeadLetter(line) ?? line);
      this.#segment += 1;
      this.#next = 0;
      this.#linesOf.set(this.#segment, this.#letters.length);
    }
    const from = { segment: this.#segment, offset: this.#next };
    const lines: Buffer[] = [];
    const unreadable: UnreadableLine[] = [];
    for (let bytes = 0; lines.length < limits.maxLines && bytes < limits.maxBytes; this.#next += 1) {
      const letter = this.#letters[this.#next];
      if (letter === undefined) break;
      const at = { segment: this.#segment, offset: this.#next };
      const line = Buffer.isBuffer(letter) ? letter : letter.line;
      bytes += line.length + 1;
      if (!Buffer.isBuffer(letter)) this.#letterOf.set(line, letter);
      if (!Buffer.isBuffer(letter) && isJson(line)) lines.push(line);
      else unreadable.push({ at, reason: 'not_json', bytes: line });
    }
    return { ...toBatch(lines), unreadable, from, to: { segment: this.#segment, offset: this.#next } };
  }

  async commit(to: Position): Promise<void> {
    this.#replayed += this.#countBetween(this.#committed, to);
    this.#committed = to;
    const isPassed = to.offset >= (this.#linesOf.get(to.segment) ?? Number.POSITIVE_INFINITY);
    for (const end = isPassed ? to.segment + 1 : to.segment; this.#freedBelow < end; this.#freedBelow += 1) {
      const file = this.#files[this.#freedBelow - 1];
      if (file !== undefined) await unlink(file).catch(() => {});
    }
  }

  #countBetween(from: Position, to: Position): number {
    let count = to.offset - from.offset;
    for (let segment = from.segment; segment < to.segment; segment += 1) count += this.#linesOf.get(segment) ?? 0;
    return count;
  }

  rewind(): void {
    this.#segment = 0;
    this.#letters = [];
    this.#next = 0;
  }

  seek(): Promise<Position> {
    this.rewind();
    return Promise.resolve(SPOOL_START);
  }

  persist(): Promise<void> {
    return Promise.resolve();
  }

  cursor(): Position {
    return this.#committed;
  }

  backlogBytes(): Promise<number> {
    return Promise.resolve(Number.POSITIVE_INFINITY);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

function isJson(line: Buffer): boolean {
  try {
    JSON.parse(line.toString());
    return true;
  } catch {
    return false;
  }
}
