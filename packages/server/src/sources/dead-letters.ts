/**
 * The dead letters of the server: lines that it could not take, each with its reason, kept to be looked at and replayed.
 *
 * They are NDJSON in `<dataDir>/dead/`, in two files: when `ingest.ndjson` has reached half of the bound it becomes
 * `ingest.1.ndjson`, and what was in that one before goes, counted. A replay reads both, offers every letter to the
 * ingest again, and writes back those that are refused again.
 *
 * A letter has an event id of the server's own from the first moment. An event without an id is replayed under it, so
 * that a replay that is cut off in the middle and done again stores nothing twice.
 */
import { open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder } from 'tailrace/spool';
import { z } from 'zod';

const deadLetter = z.object({
  id: z.string(),
  at: z.string(),
  source: z.string(),
  reason: z.string(),
  line: z.string(),
  /** Only the start of the line was kept: it can't be replayed. */
  truncated: z.boolean().default(false),
});

export type DeadLetter = z.output<typeof deadLetter>;

/** What became of a letter that was offered again: `gone` leaves the file. */
export type Replayed = { readonly kind: 'gone' } | { readonly kind: 'refused'; readonly reason: string };

export interface DeadLettersOptions {
  readonly directory: string;
  readonly maxBytes: number;
  readonly sync: boolean;
}

export class DeadLetters {
  readonly #options: DeadLettersOptions;
  readonly #current: string;
  readonly #previous: string;
  #bytes = 0;
  #count = 0;
  #previousCount = 0;
  #discarded = 0;
  /** Everything that touches the files goes one after the other. */
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(options: DeadLettersOptions) {
    this.#options = options;
    this.#current = join(options.directory, 'ingest.ndjson');
    this.#previous = join(options.directory, 'ingest.1.ndjson');
  }

  static async open(options: DeadLettersOptions): Promise<DeadLetters> {
    await makeFolder(options.directory, 0o700);
    const letters = new DeadLetters(options);
    letters.#count = (await readLetters(letters.#current)).length;
    letters.#previousCount = (await readLetters(letters.#previous)).length;
    await endTornLine(letters.#current);
    letters.#bytes = await sizeOf(letters.#current);
    return letters;
  }

  /** Letters that are kept. */
  get count(): number {
    return this.#count + this.#previousCount;
  }

  /** Letters that went since the start because there were too many. */
  get discarded(): number {
    return this.#discarded;
  }

  /** Resolves when the letters are in the file. */
  append(letters: readonly DeadLetter[]): Promise<void> {
    if (letters.length === 0) return Promise.resolve();
    return this.#inTurn(() => this.#append(letters));
  }

  /** The letters, newest first. */
  list(limit: number): Promise<DeadLetter[]> {
    return this.#inTurn(async () => (await this.#readAll()).reverse().slice(0, limit));
  }

  /** Offers letters again: those with these ids, or all. */
  replay(
    ids: ReadonlySet<string> | undefined,
    offer: (letters: readonly DeadLetter[]) => Promise<readonly Replayed[]>,
  ): Promise<{ replayed: number; refused: number }> {
    return this.#inTurn(async () => {
      const all = await this.#readAll();
      const offered = all.filter((letter) => !letter.truncated && (ids?.has(letter.id) ?? true));
      const outcomes = new Map<string, Replayed>();
      for (let from = 0; from < offered.length; from += 500) {
        const part = offered.slice(from, from + 500);
        const results = await offer(part);
        part.forEach((letter, index) => {
          const result = results[index];
          if (result !== undefined) outcomes.set(letter.id, result);
        });
      }
      const left: DeadLetter[] = [];
      for (const letter of all) {
        const outcome = outcomes.get(letter.id);
        if (outcome?.kind === 'gone') continue;
        left.push(outcome === undefined ? letter : { ...letter, reason: outcome.reason });
      }
      const replayed = all.length - left.length;
      if (replayed > 0) await this.#replaceAll(left);
      return { replayed, refused: outcomes.size - replayed };
    });
  }

  async #append(letters: readonly DeadLetter[]): Promise<void> {
    const text = letters.map((letter) => `${JSON.stringify(letter)}\n`).join('');
    const bytes = Buffer.byteLength(text);
    if (this.#bytes > 0 && this.#bytes + bytes > this.#options.maxBytes / 2) await this.#rotate();
    const file = await open(this.#current, 'a', 0o600);
    try {
      await file.appendFile(text);
      if (this.#options.sync) await file.datasync();
    } finally {
      await file.close();
    }
    this.#bytes += bytes;
    this.#count += letters.length;
  }

  async #rotate(): Promise<void> {
    await rename(this.#current, this.#previous);
    this.#discarded += this.#previousCount;
    this.#previousCount = this.#count;
    this.#count = 0;
    this.#bytes = 0;
  }

  async #readAll(): Promise<DeadLetter[]> {
    return [...(await readLetters(this.#previous)), ...(await readLetters(this.#current))];
  }

  async #replaceAll(letters: readonly DeadLetter[]): Promise<void> {
    const fresh = `${this.#current}.new`;
    await writeFile(fresh, letters.map((letter) => `${JSON.stringify(letter)}\n`).join(''), {
      flush: true,
      mode: 0o600,
    });
    await rename(fresh, this.#current);
    await rm(this.#previous, { force: true });
    this.#bytes = await sizeOf(this.#current);
    this.#count = letters.length;
    this.#previousCount = 0;
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(work);
    this.#turn = result.catch(() => undefined);
    return result;
  }
}

/** A torn last line, as a crash leaves it, is no letter. */
async function readLetters(path: string): Promise<DeadLetter[]> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
  const letters: DeadLetter[] = [];
  for (const line of text.split('\n')) {
    if (line === '') continue;
    try {
      letters.push(deadLetter.parse(JSON.parse(line)));
    } catch {
      // Torn by a crash: its client never got an answer, and sends it again.
    }
  }
  return letters;
}

/** Without it, the next letter would be glued to what a crash left, and be lost with it. */
async function endTornLine(path: string): Promise<void> {
  if ((await sizeOf(path)) === 0) return;
  const file = await open(path, 'r+');
  try {
    const { size } = await file.stat();
    const last = Buffer.alloc(1);
    await file.read(last, 0, 1, size - 1);
    if (last.toString() !== '\n') await file.write('\n', size);
  } finally {
    await file.close();
  }
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (isMissing(error)) return 0;
    throw error;
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
