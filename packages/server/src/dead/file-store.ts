/**
 * Dead letters in files: `<dataDir>/dead/letters-<n>.ndjson`, one letter a line, the newest in the file with the highest
 * number. A file that reached its size is followed by the next.
 *
 * What is changed or removed is written anew with its file, under another name first, so that a crash leaves the file as it
 * was or as it should be. Which file holds which letter is kept in memory: an id and a number for each letter, so the number
 * of letters needs a bound, which the one who puts them here keeps. A line that is no letter stays where it is; a torn last
 * line, as a crash leaves it, is ended, so that the next letter isn't glued to it: its sender never got an answer.
 *
 * The two files of before, `ingest.1.ndjson` and `ingest.ndjson`, are taken over at the start.
 */
import { open, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type DeadLetter, decodeDeadLetter, encodeDeadLetter } from 'tailrace/dead-letters';
import { makeFolder } from 'tailrace/spool';
import { Turns } from '../fallback/turns.ts';
import type { DeadLetterStore, DeadLettersSize } from './dead-letter-store.ts';

export interface FileStoreOptions {
  readonly directory: string;
  /** Force each change to the device before it counts. */
  readonly sync: boolean;
  /** A file that reached this size is followed by the next. @defaultValue 4 MiB */
  readonly fileBytes?: number;
}

interface LetterFile {
  readonly number: number;
  readonly path: string;
  bytes: number;
}

const NAME = /^letters-(\d{6,12})\.ndjson$/;
const OLD_NAMES = ['ingest.1.ndjson', 'ingest.ndjson'];
const FILE_MODE = 0o600;
const PART_LETTERS = 200;

export class FileStore implements DeadLetterStore {
  readonly kind = 'file';
  readonly #options: FileStoreOptions;
  readonly #files = new Map<number, LetterFile>();
  readonly #fileOf = new Map<string, number>();
  /** Everything that touches the files goes one after the other. */
  readonly #turns = new Turns();

  private constructor(options: FileStoreOptions) {
    this.#options = options;
  }

  static async open(options: FileStoreOptions): Promise<FileStore> {
    await makeFolder(options.directory, 0o700);
    const store = new FileStore(options);
    await store.#readFolder();
    return store;
  }

  /** Known without looking. */
  get count(): number {
    return this.#fileOf.size;
  }

  put(letters: readonly DeadLetter[]): Promise<void> {
    return this.#turns.take(async () => {
      const changed = letters.filter(({ id }) => this.#fileOf.has(id));
      const fresh = new Map(letters.filter(({ id }) => !this.#fileOf.has(id)).map((letter) => [letter.id, letter]));
      await this.#append([...fresh.values()]);
      await this.#rewrite(new Map(changed.map((letter) => [letter.id, letter])));
    });
  }

  async *scan(): AsyncGenerator<readonly DeadLetter[]> {
    for (const number of [...this.#files.keys()].sort((a, b) => a - b)) {
      const lines = await this.#turns.take(() => this.#lines(number));
      for (let from = 0; from < lines.length; from += PART_LETTERS) {
        yield lettersIn(lines.slice(from, from + PART_LETTERS));
        // A walk over many letters isn't to hold up what comes in.
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
  }

  async find(ids: readonly string[]): Promise<DeadLetter[]> {
    const wanted = new Set(ids);
    return this.#turns.take(async () => {
      const found: DeadLetter[] = [];
      for (const number of this.#filesOf(ids)) {
        found.push(...lettersIn(await this.#lines(number)).filter(({ id }) => wanted.has(id)));
      }
      return found;
    });
  }

  remove(ids: readonly string[]): Promise<number> {
    return this.#turns.take(async () => {
      const there = [...new Set(ids)].filter((id) => this.#fileOf.has(id));
      await this.#rewrite(new Map(there.map((id) => [id, undefined])));
      return there.length;
    });
  }

  size(): Promise<DeadLettersSize> {
    return Promise.resolve({ count: this.#fileOf.size, bytes: this.#bytes() });
  }

  async close(): Promise<void> {
    await this.#turns.take(() => Promise.resolve());
  }

  #bytes(): number {
    let bytes = 0;
    for (const file of this.#files.values()) bytes += file.bytes;
    return bytes;
  }

  #filesOf(ids: Iterable<string>): Set<number> {
    const numbers = new Set<number>();
    for (const id of ids) {
      const number = this.#fileOf.get(id);
      if (number !== undefined) numbers.add(number);
    }
    return numbers;
  }

  async #append(letters: readonly DeadLetter[]): Promise<void> {
    if (letters.length === 0) return;
    const { sync, fileBytes = 4 * 1024 * 1024 } = this.#options;
    const newest = this.#files.get(Math.max(...this.#files.keys()));
    const target = newest !== undefined && newest.bytes < fileBytes ? newest : this.#newFile();
    const text = letters.map((letter) => `${encodeDeadLetter(letter)}\n`).join('');
    const file = await open(target.path, 'a', FILE_MODE);
    try {
      await file.appendFile(text);
      if (sync) await file.datasync();
    } finally {
      await file.close();
    }
    target.bytes += Buffer.byteLength(text);
    this.#files.set(target.number, target);
    for (const { id } of letters) this.#fileOf.set(id, target.number);
  }

  #newFile(): LetterFile {
    const number = Math.max(0, ...this.#files.keys()) + 1;
    const name = `letters-${String(number).padStart(6, '0')}.ndjson`;
    return { number, path: join(this.#options.directory, name), bytes: 0 };
  }

  /** @param changes - what each letter becomes; `undefined` removes it */
  async #rewrite(changes: ReadonlyMap<string, DeadLetter | undefined>): Promise<void> {
    for (const number of this.#filesOf(changes.keys())) {
      const file = this.#files.get(number);
      if (file === undefined) continue;
      const lines: string[] = [];
      for (const line of await readLines(file.path)) {
        const id = decodeDeadLetter(line)?.id;
        if (id === undefined || !changes.has(id)) lines.push(line);
        else {
          const letter = changes.get(id);
          if (letter !== undefined) lines.push(encodeDeadLetter(letter));
        }
      }
      await this.#replace(file, lines);
    }
    for (const [id, letter] of changes) if (letter === undefined) this.#fileOf.delete(id);
  }

  async #replace(file: LetterFile, lines: readonly string[]): Promise<void> {
    if (lines.length === 0) {
      await rm(file.path, { force: true });
      this.#files.delete(file.number);
      return;
    }
    const fresh = `${file.path}.new`;
    const text = `${lines.join('\n')}\n`;
    await writeFile(fresh, text, { flush: true, mode: FILE_MODE });
    await rename(fresh, file.path);
    file.bytes = Buffer.byteLength(text);
  }

  async #lines(number: number): Promise<string[]> {
    const file = this.#files.get(number);
    return file === undefined ? [] : readLines(file.path);
  }

  async #readFolder(): Promise<void> {
    const { directory } = this.#options;
    for (const name of (await readdir(directory)).sort()) {
      const number = Number(NAME.exec(name)?.[1]);
      if (Number.isNaN(number)) continue;
      const path = join(directory, name);
      await endTornLine(path);
      for (const line of await readLines(path)) {
        const id = decodeDeadLetter(line)?.id;
        if (id !== undefined) this.#fileOf.set(id, number);
      }
      this.#files.set(number, { number, path, bytes: await sizeOf(path) });
    }
    for (const name of OLD_NAMES) {
      const path = join(directory, name);
      await this.put(lettersIn(await readLines(path)));
      await rm(path, { force: true });
    }
  }
}

function lettersIn(lines: readonly string[]): DeadLetter[] {
  return lines.flatMap((line) => decodeDeadLetter(line) ?? []);
}

async function readLines(path: string): Promise<string[]> {
  try {
    return (await readFile(path, 'utf8')).split('\n').filter((line) => line !== '');
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

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
