/** What has happened so far: counted by kind, and told line by line with the time since the start. */
export class Happenings {
  readonly counts = new Map<string, number>();
  /** Producers whose spool was torn. */
  readonly torn = new Set<string>();
  readonly #say: (line: string) => void;
  readonly #begun = performance.now();

  constructor(say: (line: string) => void) {
    this.#say = say;
  }

  note(kind: string, detail = ''): void {
    this.counts.set(kind, (this.counts.get(kind) ?? 0) + 1);
    this.tell(detail === '' ? kind : `${kind}: ${detail}`);
  }

  tell(line: string): void {
    this.#say(`${((performance.now() - this.#begun) / 1_000).toFixed(2).padStart(8)} s  ${line}`);
  }

  /** Kinds that begin with one of these words, added up. */
  count(...beginnings: readonly string[]): number {
    let sum = 0;
    for (const [kind, count] of this.counts) if (beginnings.some((word) => kind.startsWith(word))) sum += count;
    return sum;
  }
}
