/**
 * The oracle: what a producer was told was safe, written down outside of the system.
 *
 * One file for each producer process, appended to by a descriptor of its own, each line with one synchronous write:
 *
 *     p ID             the producer's id
 *     i FROM TO        events FROM to TO will be logged now; every tenth of them is to be sampled out (`isSampledOut`)
 *     w N N N …        the spool's write has returned for these sequence numbers: they are promised
 *     o FROM TO        these sequence numbers were taken by events of the library's own, not by the application's
 *     ! CODE           a notice of the library's
 *     c                the producer was closed in order
 *
 * A kill may come between the spool's write and the line that notes it: then an event is safe and not promised. The oracle
 * may promise less than was kept, never more. A kill in the middle of a line leaves it torn; only a last line can be.
 */
import { closeSync, openSync, writeSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** What the producer writes with. */
export class OracleFile {
  readonly #fd: number;

  constructor(path: string) {
    this.#fd = openSync(path, 'a');
  }

  noteProducer(id: string): void {
    this.#write(`p ${id}`);
  }

  noteIntent(from: number, to: number): void {
    this.#write(`i ${from} ${to}`);
  }

  noteWritten(sequences: readonly number[]): void {
    if (sequences.length > 0) this.#write(`w ${sequences.join(' ')}`);
  }

  noteOwn(from: number, to: number): void {
    this.#write(`o ${from} ${to}`);
  }

  noteNotice(code: string): void {
    this.#write(`! ${code}`);
  }

  noteClosed(): void {
    this.#write('c');
    closeSync(this.#fd);
  }

  #write(line: string): void {
    writeSync(this.#fd, `${line}\n`);
  }
}

/** What one process was told. */
export interface Testimony {
  readonly producer: string;
  /** The highest number that it set out to log; it logs 1, 2, 3, … */
  readonly intended: number;
  /** Promised sequence numbers. */
  readonly promised: ReadonlySet<number>;
  /** Sequence numbers of the library's own events. */
  readonly own: ReadonlySet<number>;
  readonly notices: ReadonlyMap<string, number>;
  readonly isClosed: boolean;
}

const SAMPLED_OUT_EVERY = 10;
/** The rule by which they are left out. */
export const LEFT_OUT_RULE = 'LEFT_OUT';

/** True for the events that the policy is told not to keep. */
export function isSampledOut(n: number): boolean {
  return n % SAMPLED_OUT_EVERY === 0;
}

/** How many of the events 1 to `n` these are. */
export function countSampledOut(n: number): number {
  return Math.floor(n / SAMPLED_OUT_EVERY);
}

/** The testimonies of all processes that lived long enough to have an id. */
export async function readTestimonies(folder: string): Promise<Testimony[]> {
  const testimonies: Testimony[] = [];
  for (const name of await readdir(folder)) {
    const testimony = parseTestimony(await readFile(join(folder, name), 'utf8'));
    if (testimony !== undefined) testimonies.push(testimony);
  }
  return testimonies;
}

export function parseTestimony(text: string): Testimony | undefined {
  let producer: string | undefined;
  let intended = 0;
  let isClosed = false;
  const promised = new Set<number>();
  const own = new Set<number>();
  const notices = new Map<string, number>();
  // What stands behind the last line feed is torn.
  for (const line of text.split('\n').slice(0, -1)) {
    const [kind, ...words] = line.split(' ');
    if (kind === 'p') producer = words[0];
    else if (kind === 'i') intended = Number(words[1]);
    else if (kind === 'w') for (const word of words) promised.add(Number(word));
    else if (kind === 'o') for (let n = Number(words[0]); n <= Number(words[1]); n += 1) own.add(n);
    else if (kind === '!') notices.set(words[0] ?? '', (notices.get(words[0] ?? '') ?? 0) + 1);
    else if (kind === 'c') isClosed = true;
    else throw new Error(`the oracle's file holds a line that nobody writes: ${line.slice(0, 100)}`);
  }
  return producer === undefined ? undefined : { producer, intended, promised, own, notices, isClosed };
}
