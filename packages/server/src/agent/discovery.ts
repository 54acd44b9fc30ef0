/**
 * Which file on the disk is which file of the registry.
 *
 * A look at the disk goes over the files that the globs name, then over what rotation left beside them, and asks of each:
 *
 * 1. Is it a file that is followed, by device and inode? Then it is there that it lies now: renamed, maybe. (That the
 *    inode still holds the same file is asked when it is read: its print says so.)
 * 2. Is it a file that is done, unchanged since? Nothing to do. Has it grown? It is followed again.
 * 3. Does it begin as a file that is known, up to the place where that one was read? Then it is the copy that
 *    `copytruncate` made, or a `.gz`. A file whose own inode is gone is read on there.
 * 4. Else it is new. Where the globs name it, it is read from its start. Where they don't, it is read only if it belongs to
 *    the time in which its path was followed already: what was rotated twice while nobody looked.
 *
 * A file under the name of a rotated one may be a copy that is still being made, and so begin like nothing yet. It counts
 * as new only when it has stopped growing, or was seen for half a minute.
 *
 * What was followed and is found nowhere is sought for a while, and then given up: told, with the bytes that are known to
 * be unread.
 */
import { closeSync, readSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { type FilePrint, fitsPrint, type ReadAt, takePrint } from './file-print.ts';
import type { FileRegistry } from './file-registry.ts';
import { type FoundFile, findNamed, findRotated, namesBeforeRotation } from './find-files.ts';
import { addAlias, type FollowedFile, openAs, openFile } from './followed-file.ts';
import { FileMoved, printsThatFit } from './gzip-file.ts';
import type { AgentInput } from './input.ts';

export interface DiscoveryParts {
  readonly registry: FileRegistry;
  readonly inputs: readonly AgentInput[];
  /** True while the agent has the file open: it is read to its end there, whatever became of its name. */
  readonly isOpen: (file: FollowedFile) => boolean;
  readonly onFault: (path: string, error: unknown) => void;
  /** A file is gone before it was read to its end, as far as is known. */
  readonly onLost: (file: FollowedFile, unreadBytes: number) => void;
  /** How long a file whose inode is gone is sought. */
  readonly seekMs: number;
}

/** How long a file of unknown content under a rotated name must have stopped growing. */
const SETTLE_MS = 2_000;
const LONGEST_WAIT_MS = 30_000;
/** A file that is none of ours isn't compared again for so long, unless it changes. */
const IGNORE_MS = 60_000;
const MAX_IGNORED = 50_000;

export class Discovery {
  readonly #parts: DiscoveryParts;
  /** Files that may be new: when each was seen first, and since when it has had its size. */
  readonly #candidates = new Map<string, { readonly firstMs: number; sinceMs: number; size: number }>();
  /** Files that were judged and are none of ours, by stamp, and until when that holds. */
  readonly #ignored = new Map<string, number>();
  #book = new KnownFiles([]);
  /** Inputs that had no file when the agent started: `from` is for their first look. */
  readonly #newInputs: Set<string>;

  constructor(parts: DiscoveryParts) {
    this.#parts = parts;
    const known = new Set([...parts.registry.files].map((file) => file.input));
    this.#newInputs = new Set(parts.inputs.map(({ name }) => name).filter((name) => !known.has(name)));
  }

  /** Files that may be new, and are waited for. */
  get waiting(): number {
    return this.#candidates.size;
  }

  /** Looks at the disk; true where files were added. */
  async look(nowMs: number): Promise<boolean> {
    const { registry, inputs, onFault } = this.#parts;
    const named = await findNamed(inputs, onFault);
    const bases = new Set([...named.keys(), ...[...registry.files].map(({ path }) => path)]);
    const rotated = findRotated(bases, named, onFault);
    const baseOf = new Map(rotated.map(({ base, file }) => [file.path, base]));
    const found = new Map([...named, ...rotated.map(({ file }) => [file.path, file] as const)]);
    const book = new KnownFiles(registry.files);
    this.#book = book;
    const sizeBefore = [...registry.files].length;
    // What has its name is settled before it is asked what the others are copies of.
    const unknown: FoundFile[] = [];
    for (const file of found.values()) if (!this.#recognise(file, book, nowMs)) unknown.push(file);
    this.#loseUnseen(nowMs);
    const seen = new Set<string>();
    for (const file of unknown) {
      if ((this.#ignored.get(file.stamp) ?? 0) > nowMs) continue;
      seen.add(file.identity);
      try {
        await this.#judge(file, baseOf.get(file.path), nowMs);
      } catch (error) {
        // Rotated between two of our questions: the next look asks again.
        if (error instanceof FileMoved) continue;
        // Not readable, or a `.gz` that is still being written: the next look tells.
        if (!file.isGzip || nowMs - file.mtimeMs > LONGEST_WAIT_MS) onFault(file.path, error);
      }
    }
    for (const identity of this.#candidates.keys()) if (!seen.has(identity)) this.#candidates.delete(identity);
    this.#newInputs.clear();
    registry.forgetGone(nowMs);
    return [...registry.files].length > sizeBefore;
  }

  #recognise(found: FoundFile, book: KnownFiles, nowMs: number): boolean {
    const file = book.byIdentity.get(found.identity);
    // An archive and a plain file are never the same: the inode was used again.
    if (file !== undefined && file.isGzip === found.isGzip) {
      file.location = found.path;
      file.state = found.path === file.path ? 'live' : 'rotated';
      file.seenMs = nowMs;
      return true;
    }
    const done = book.byStamp.get(found.stamp);
    if (done !== undefined) done.seenMs = nowMs;
    return done !== undefined;
  }

  async #judge(found: FoundFile, base: string | undefined, nowMs: number): Promise<void> {
    const match = await this.#findContent(found, base);
    if (match !== undefined) {
      match.seenMs = nowMs;
      this.#takeOver(match, found, nowMs);
      return;
    }
    const isRotated = base !== undefined || found.isGzip;
    if (isRotated && !this.#hasSettled(found, nowMs)) return;
    this.#candidates.delete(found.identity);
    const unread = isRotated ? this.#findUnread(base) : undefined;
    if (unread !== undefined) {
      unread.seenMs = nowMs;
      this.#takeOver(unread, found, nowMs);
      return;
    }
    if (found.input !== undefined) {
      this.#add(found, found.input, base, nowMs);
      return;
    }
    const since = base === undefined ? undefined : this.#parts.registry.followedSince(base);
    const input = this.#inputOf(base);
    if (base === undefined || since === undefined || input === undefined || found.mtimeMs < since) {
      if (this.#ignored.size >= MAX_IGNORED) this.#ignored.clear();
      this.#ignored.set(found.stamp, nowMs + IGNORE_MS);
      return;
    }
    this.#add(found, input, base, nowMs);
  }

  /** A file of this path that is sought, and of which nothing was read: any that rotation left may be it. */
  #findUnread(base: string | undefined): FollowedFile | undefined {
    const files = base === undefined ? [] : this.#book.atPath(base);
    return files.find(({ state, position }) => state === 'sought' && position === 0);
  }

  #inputOf(base: string | undefined): AgentInput | undefined {
    const file = base === undefined ? undefined : this.#book.atPath(base)[0];
    return this.#parts.inputs.find(({ name }) => name === file?.input);
  }

  /** The known file whose beginning this one has. */
  async #findContent(found: FoundFile, base: string | undefined): Promise<FollowedFile | undefined> {
    const paths = new Set([
      base,
      found.path,
      ...namesBeforeRotation(basename(found.path)).map((name) => join(dirname(found.path), name)),
    ]);
    // A file that is new under its own name may begin as the one before it did, with the same first line: it is the same
    // file only where that one is missing.
    const isRotated = base !== undefined || found.isGzip;
    const alike = [...paths]
      .flatMap((path) => (path === undefined ? [] : this.#book.atPath(path)))
      .filter((file) => file.print.at > 0 && (isRotated || file.state === 'sought'));
    if (alike.length === 0) return undefined;
    const fitting = found.isGzip
      ? await printsThatFit(
          found.path,
          found.identity,
          alike.map(({ print }) => print),
        )
      : withFile(found, (readAt) =>
          alike.map(({ print }) => print).filter((print) => print.at <= found.size && fitsPrint(print, readAt)),
        );
    const best = fitting.reduce<FilePrint | undefined>(
      (most, print) => (print.at > (most?.at ?? 0) ? print : most),
      undefined,
    );
    return alike.find(({ print }) => print === best);
  }

  /** A known file lies here too, or here alone. */
  #takeOver(file: FollowedFile, found: FoundFile, nowMs: number): void {
    const isRead = !found.isGzip && found.size <= file.position;
    if (file.state === 'done' && isRead) {
      addAlias(file, found.stamp);
    } else if (file.state === 'done' || file.state === 'sought') {
      file.location = found.path;
      file.isGzip = found.isGzip;
      file.identity = found.identity;
      file.state = !found.isGzip && found.path === file.path ? 'live' : 'rotated';
      file.size = found.isGzip ? file.size : found.size;
      file.changedMs = nowMs;
    }
    // Else it is read where it is; this is a copy of it, or will be its only one before long.
  }

  #hasSettled(found: FoundFile, nowMs: number): boolean {
    const known = this.#candidates.get(found.identity);
    if (known === undefined) {
      this.#candidates.set(found.identity, { firstMs: nowMs, sinceMs: nowMs, size: found.size });
      return false;
    }
    if (known.size !== found.size) {
      known.size = found.size;
      known.sinceMs = nowMs;
    }
    return nowMs - known.sinceMs >= SETTLE_MS || nowMs - known.firstMs >= LONGEST_WAIT_MS;
  }

  #add(found: FoundFile, input: AgentInput, base: string | undefined, nowMs: number): void {
    const file = openFile(
      input.name,
      base ?? found.path,
      found,
      base === undefined && !found.isGzip ? 'live' : 'rotated',
      nowMs,
    );
    file.location = found.path;
    if (input.from === 'end' && this.#newInputs.has(input.name)) startAtEnd(file, found);
    this.#parts.registry.add(file);
    this.#book.add(file);
  }

  #loseUnseen(nowMs: number): void {
    const { registry, isOpen, onLost, seekMs } = this.#parts;
    for (const file of registry.files) {
      if ((file.state === 'live' || file.state === 'rotated') && file.seenMs !== nowMs && !isOpen(file)) {
        seek(file, nowMs);
      } else if (file.state === 'sought' && nowMs - file.changedMs > seekMs) {
        file.state = 'done';
        file.changedMs = nowMs;
        if (file.isGzip || file.size > file.position) onLost(file, Math.max(0, file.size - file.position));
      }
    }
  }
}

/** Its inode is gone, or is another file's: its bytes are looked for elsewhere from now on. */
export function seek(file: FollowedFile, nowMs: number): void {
  file.state = 'sought';
  file.identity = '';
  file.changedMs = nowMs;
}

/** Files that are followed by their identity, what is read by its stamp, and all by their path. */
class KnownFiles {
  readonly byIdentity = new Map<string, FollowedFile>();
  readonly byStamp = new Map<string, FollowedFile>();
  readonly #byPath = new Map<string, FollowedFile[]>();

  constructor(files: Iterable<FollowedFile>) {
    for (const file of files) this.add(file);
  }

  add(file: FollowedFile): void {
    if (file.state === 'live' || file.state === 'rotated') this.byIdentity.set(file.identity, file);
    for (const stamp of file.aliases) this.byStamp.set(stamp, file);
    const known = this.#byPath.get(file.path);
    if (known === undefined) this.#byPath.set(file.path, [file]);
    else known.push(file);
  }

  atPath(path: string): readonly FollowedFile[] {
    return this.#byPath.get(path) ?? [];
  }
}

function startAtEnd(file: FollowedFile, found: FoundFile): void {
  if (found.isGzip) return;
  withFile(found, (readAt) => {
    // Behind the last line that has ended.
    const step = 64 * 1024;
    for (let end = found.size; end > 0; end -= step) {
      const from = Math.max(0, end - step);
      const feed = readAt(from, end - from).lastIndexOf(10);
      if (feed < 0) continue;
      file.position = from + feed + 1;
      file.print = takePrint(file.position, readAt);
      return;
    }
  });
}

/** @throws FileMoved where another file lies there by now */
function withFile<T>({ path, identity }: FoundFile, fn: (readAt: ReadAt) => T): T {
  const fd = openAs(path, identity);
  if (fd === undefined) throw new FileMoved(path);
  try {
    return fn((offset, length) => readBytes(fd, offset, length));
  } finally {
    closeSync(fd);
  }
}

export function readBytes(fd: number, offset: number, length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  let filled = 0;
  while (filled < length) {
    const read = readSync(fd, bytes, filled, length - filled, offset + filled);
    if (read === 0) break;
    filled += read;
  }
  return bytes.subarray(0, filled);
}
