/**
 * All files that are followed, and the file on disk that says so.
 *
 * What is durable, and when. A file is entered before its first event goes to the spool, so that every event there has a
 * known producer. After that the spool itself tells how far a file was read: each of its events carries its place. So the
 * state file may lag behind, and is replaced (written aside, forced, renamed) every few seconds only, together with the
 * place in the spool from which the rest is found. The spool is forced before: no place is ever ahead of its lines.
 */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Position, SPOOL_START } from 'tailrace/spool';
import { z } from 'zod';
import type { FollowedFile } from './followed-file.ts';

const STATE_FILE = 'files.json';

/** A file of which nothing is left on the disk is forgotten after so long. */
const FORGET_MS = 3_600_000;
const MAX_DONE = 20_000;

const count = z.int().min(0);
const counts = z.record(z.string(), count);
const losses = z.record(z.string(), z.object({ count, sequences: z.array(z.tuple([count, count])) }));
const fileSchema = z.object({
  producer: z.string().regex(/^[0-9a-z]{8,32}$/),
  input: z.string(),
  path: z.string(),
  sinceMs: z.number(),
  identity: z.string(),
  location: z.string(),
  isGzip: z.boolean(),
  state: z.enum(['live', 'rotated', 'sought', 'done']),
  position: count,
  print: z.object({ at: count, head: z.string(), tail: z.string() }),
  size: count,
  changedMs: z.number(),
  seenMs: z.number(),
  aliases: z.array(z.string()),
  account: z.object({
    emitted: count,
    sequence: count,
    // States of before it was counted have none.
    passedOn: count.default(0),
    kept: counts,
    sampledOut: counts,
    dropped: losses,
    dead: losses,
  }),
});
const stateSchema = z.object({
  version: z.literal(1),
  spool: z.object({ segment: z.int().min(1), offset: count }),
  paths: z.record(z.string(), z.number()),
  files: z.array(fileSchema),
});

export class FileRegistry {
  readonly #directory: string;
  readonly #files = new Map<string, FollowedFile>();
  /** When each path was followed first. */
  readonly #paths: Map<string, number>;
  /** From here on the spool knows more than the state file. */
  readonly spoolPosition: Position;

  /** @throws Error where there is a state file that can't be read: going on without it would send everything again. */
  constructor(directory: string) {
    this.#directory = directory;
    const path = join(directory, STATE_FILE);
    const state = readState(path);
    this.spoolPosition = state?.spool ?? SPOOL_START;
    this.#paths = new Map(Object.entries(state?.paths ?? {}));
    for (const file of state?.files ?? []) this.#files.set(file.producer, file);
  }

  get files(): IterableIterator<FollowedFile> {
    return this.#files.values();
  }

  get(producer: string): FollowedFile | undefined {
    return this.#files.get(producer);
  }

  add(file: FollowedFile): void {
    this.#files.set(file.producer, file);
    if (!this.#paths.has(file.path)) this.#paths.set(file.path, file.sinceMs);
  }

  /** When this path was followed first, `undefined` where it never was. */
  followedSince(path: string): number | undefined {
    return this.#paths.get(path);
  }

  /** Forgets files that are read and gone, so that the registry stays as small as what is on the disk. */
  forgetGone(nowMs: number): void {
    const done = [...this.#files.values()].filter(({ state }) => state === 'done').sort((a, b) => a.seenMs - b.seenMs);
    done.forEach((file, i) => {
      if (nowMs - file.seenMs > FORGET_MS || done.length - i > MAX_DONE) this.#files.delete(file.producer);
    });
    const known = new Set([...this.#files.values()].map(({ path }) => path));
    for (const path of this.#paths.keys()) if (!known.has(path)) this.#paths.delete(path);
  }

  /** The state as it is now, to be written later. */
  snapshot(spool: Position): string {
    const state: z.input<typeof stateSchema> = {
      version: 1,
      spool,
      paths: Object.fromEntries(this.#paths),
      files: [...this.#files.values()].map((file) => ({
        ...file,
        account: {
          ...file.account,
          dropped: copyLosses(file.account.dropped),
          dead: copyLosses(file.account.dead),
        },
      })),
    };
    return `${JSON.stringify(state)}\n`;
  }

  /** Replaces the state file, durably. @throws what the system says */
  async write(snapshot: string): Promise<void> {
    const path = join(this.#directory, STATE_FILE);
    const temporary = `${path}.${randomBytes(4).toString('hex')}.tmp`;
    try {
      const handle = await open(temporary, 'w', 0o600);
      try {
        await handle.writeFile(snapshot);
        await handle.datasync();
      } finally {
        await handle.close();
      }
      await rename(temporary, path);
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
    const folder = await open(dirname(path), 'r');
    await folder.sync().finally(() => folder.close());
  }
}

function copyLosses(given: FollowedFile['account']['dead']): z.input<typeof losses> {
  return Object.fromEntries(
    Object.entries(given).map(([name, loss]) => [
      name,
      { count: loss.count, sequences: loss.sequences.map(([from, to]): [number, number] => [from, to]) },
    ]),
  );
}

function readState(path: string): z.output<typeof stateSchema> | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
  let fault: string;
  try {
    const parsed = stateSchema.safeParse(JSON.parse(text));
    if (parsed.success) return parsed.data;
    const issue = parsed.error.issues[0];
    fault = `${issue?.path.join('.')}: ${issue?.message}`;
  } catch (error) {
    fault = String(error);
  }
  throw new Error(
    `${path} says how far each log file was read, and can't be read (${fault}). Move it away to read all files from their ` +
      'beginning again, which stores every line a second time',
  );
}
