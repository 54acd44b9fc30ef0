/**
 * Dead letters: lines that a sink refused for good, or that could not be read, kept with the reason.
 *
 * Each route has a folder, `<dead root>/<route>/`, with files `<time>-<pid>-<n>.ndjson`. Each line of a file is one
 * letter, in the form of dead-letter.ts. An append is forced to the device before it resolves, since the spool's cursor
 * moves on it. Files of several processes stand side by side. A route keeps at most `maxBytes`: beyond that its oldest
 * file goes, and that is told with the number of dead letters lost.
 *
 * A file that is being replayed is first renamed to `….replay`, so that only one process replays it; what is refused
 * again becomes a dead letter again, one round on, in a new file, so a replay ends.
 */
import { open, readdir, readFile, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder } from '../spool/make-folder.ts';
import { FILE_MODE, FOLDER_MODE } from '../spool/segment.ts';
import { type DeadLetter, decodeDeadLetter, encodeDeadLetter, idOf, serviceOf } from './dead-letter.ts';
import type { DeadLine } from './route.ts';

export interface DeadLetterLimits {
  /** Bytes kept for each route. */
  readonly maxBytes: number;
  /** A file that reached this size is followed by the next. */
  readonly fileBytes: number;
}

const DEFAULT_LIMITS: DeadLetterLimits = { maxBytes: 64 << 20, fileBytes: 4 << 20 };
const FILE_NAME = /\.ndjson(?:\.replay)?$/;
const LINE_FEED = 0x0a;

export class DeadLetterFiles {
  readonly #route: string;
  readonly #directory: string;
  readonly #limits: DeadLetterLimits;
  readonly #onTrimmed: (lost: number) => void;
  #filesMade = 0;
  #path = '';
  #bytes = 0;
  #queue: Promise<unknown> = Promise.resolve();

  /** @param onTrimmed - told how many dead letters went because the route's folder was at its bound. */
  constructor(
    deadRoot: string,
    route: string,
    onTrimmed: (lost: number) => void,
    limits: DeadLetterLimits = DEFAULT_LIMITS,
  ) {
    this.#route = route;
    this.#directory = join(deadRoot, route);
    this.#limits = limits;
    this.#onTrimmed = onTrimmed;
  }

  /** Resolves when the lines are on the device; rejects where the disk takes none. */
  append(sink: string, dead: readonly DeadLine[]): Promise<void> {
    const written = this.#queue.then(() => this.#write(sink, dead));
    this.#queue = written.catch(() => {});
    return written;
  }

  async #write(sink: string, dead: readonly DeadLine[]): Promise<void> {
    const at = new Date().toISOString();
    const text = Buffer.from(
      dead.map((line) => `${encodeDeadLetter(letterOf(this.#route, sink, at, line))}\n`).join(''),
    );
    if (this.#path === '' || this.#bytes >= this.#limits.fileBytes) {
      await makeFolder(this.#directory, FOLDER_MODE);
      await this.#trim(text.length);
      this.#filesMade += 1;
      this.#path = join(this.#directory, `${at.replaceAll(/[-:.]/g, '')}-${process.pid}-${this.#filesMade}.ndjson`);
      this.#bytes = 0;
    }
    // Opened anew each time, and looked at afterwards: a replay may have taken the file away meanwhile.
    const file = await open(this.#path, 'a', FILE_MODE);
    try {
      await file.appendFile(text);
      await file.datasync();
      this.#bytes += text.length;
      const [written, named] = await Promise.all([file.stat(), stat(this.#path).catch(() => undefined)]);
      if (named?.ino === written.ino) return;
    } catch (error) {
      this.#path = '';
      throw error;
    } finally {
      await file.close();
    }
    this.#path = '';
    await this.#write(sink, dead);
  }

  async #trim(incoming: number): Promise<void> {
    const files = await listDeadLetterFiles(this.#directory);
    let bytes = incoming + files.reduce((sum, file) => sum + file.bytes, 0);
    for (const file of files) {
      if (bytes <= this.#limits.maxBytes) return;
      const lost = countLines(await readFile(file.path));
      await unlink(file.path);
      bytes -= file.bytes;
      this.#onTrimmed(lost);
    }
  }
}

/** Reads a route's dead letters, oldest first; a line that can't be read as one is left out. */
export async function* readDeadLetters(deadRoot: string, route: string): AsyncGenerator<DeadLetter> {
  for (const file of await listDeadLetterFiles(join(deadRoot, route))) {
    for (const line of splitLines(await readFile(file.path))) {
      const letter = decodeDeadLetter(line);
      if (letter !== undefined) yield letter;
    }
  }
}

/** The files of a route's folder, oldest first. */
export async function listDeadLetterFiles(
  directory: string,
): Promise<{ readonly path: string; readonly bytes: number }[]> {
  const names = await readdir(directory).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  const files: { path: string; bytes: number }[] = [];
  for (const name of names.filter((name) => FILE_NAME.test(name)).sort()) {
    const path = join(directory, name);
    const info = await stat(path).catch(() => undefined);
    if (info?.isFile()) files.push({ path, bytes: info.size });
  }
  return files;
}

export function splitLines(text: Buffer): Buffer[] {
  const lines: Buffer[] = [];
  for (let start = 0; start < text.length; ) {
    const end = text.indexOf(LINE_FEED, start);
    lines.push(text.subarray(start, end < 0 ? text.length : end));
    start = end < 0 ? text.length : end + 1;
  }
  return lines;
}

function letterOf(
  route: string,
  sink: string,
  at: string,
  { reason, line, attempts = 1, before }: DeadLine,
): DeadLetter {
  if (before !== undefined) {
    const rounds = before.rounds + 1;
    return { ...before, sink, reason, lastAt: at, attempts: before.attempts + attempts, rounds };
  }
  const service = serviceOf(line);
  return {
    id: idOf(line, at),
    sink,
    reason,
    source: 'spool',
    route,
    ...(service !== undefined && { service }),
    at,
    lastAt: at,
    attempts,
    rounds: 0,
    truncated: false,
    line,
  };
}

function countLines(text: Buffer): number {
  let lines = 0;
  for (let at = text.indexOf(LINE_FEED); at >= 0; at = text.indexOf(LINE_FEED, at + 1)) lines += 1;
  return lines;
}
