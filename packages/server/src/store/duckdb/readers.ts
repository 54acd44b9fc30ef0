/** Counts the queries that read a file or a table, so that it goes only when the last of them is done. */
export class Readers {
  #count = 0;
  #retired = false;
  readonly #remove: () => Promise<void>;
  #removal: Promise<void> | undefined;

  constructor(remove: () => Promise<void>) {
    this.#remove = remove;
  }

  enter(): void {
    this.#count += 1;
  }

  leave(): void {
    this.#count -= 1;
    this.#removeWhenUnread();
  }

  /** No query will read it again. */
  retire(): void {
    this.#retired = true;
    this.#removeWhenUnread();
  }

  /** Resolves when a removal that has begun is over. */
  async settled(): Promise<void> {
    await this.#removal;
  }

  #removeWhenUnread(): void {
    // A file that can't be removed now is an orphan, and goes at the next start.
    if (this.#retired && this.#count === 0) this.#removal ??= this.#remove().catch(() => undefined);
  }
}
