/** A spool that is a list of lines: what an engine needs of one, and a record of where its cursor was. */

import type { SpoolSource } from '../../src/delivery/engine.ts';
import { toBatch } from '../../src/delivery/sink.ts';
import { comparePositions, type Position, SPOOL_START } from '../../src/spool/position.ts';
import type { ReadLimits, SpoolBatch, SpoolReader, UnreadableLine } from '../../src/spool/types.ts';

export class ListSpool implements SpoolSource {
  readonly name = 'list';
  readonly isOwn = true;
  readonly #lines: Buffer[] = [];
  /** Lines that are reported as unreadable. */
  readonly unreadable = new Set<number>();
  /** For each route how many lines its cursor has passed, at each commit. */
  readonly cursors = new Map<string, number[]>();

  append(...lines: readonly string[]): void {
    this.#lines.push(...lines.map((line) => Buffer.from(line)));
  }

  cursorOf(route: string): number {
    return this.cursors.get(route)?.at(-1) ?? 0;
  }

  end(): Promise<void> {
    return Promise.resolve();
  }

  openReader(route: string): SpoolReader {
    const lines = this.#lines;
    const { unreadable } = this;
    const committed = this.cursors.get(route) ?? [0];
    this.cursors.set(route, committed);
    let next = committed.at(-1) ?? 0;
    const bytesFrom = (index: number) => lines.slice(index).reduce((sum, line) => sum + line.length + 1, 0);
    const place = (index: number): Position => ({ segment: 1, offset: index });
    return {
      read({ maxLines, maxBytes }: ReadLimits): Promise<SpoolBatch | undefined> {
        const from = next;
        const taken: Buffer[] = [];
        const bad: UnreadableLine[] = [];
        for (let bytes = 0; next < lines.length && next - from < maxLines && bytes < maxBytes; next += 1) {
          const line = lines[next] ?? Buffer.alloc(0);
          bytes += line.length + 1;
          if (unreadable.has(next)) bad.push({ at: place(next), reason: 'not_json', bytes: line });
          else taken.push(line);
        }
        if (next === from) return Promise.resolve(undefined);
        return Promise.resolve({ ...toBatch(taken), unreadable: bad, from: place(from), to: place(next) });
      },
      rewind() {
        next = committed.at(-1) ?? 0;
      },
      seek(position) {
        next = position.offset;
        return Promise.resolve(position);
      },
      commit(to) {
        if (comparePositions(to, place(committed.at(-1) ?? 0)) > 0) committed.push(to.offset);
        return Promise.resolve();
      },
      persist: () => Promise.resolve(),
      cursor: () => (committed.length > 1 ? place(committed.at(-1) ?? 0) : SPOOL_START),
      backlogBytes: () => Promise.resolve(bytesFrom(committed.at(-1) ?? 0)),
      close: () => Promise.resolve(),
    };
  }
}
