/** What the writer has in hand: the places behind what it was given, and how many lines that is. */

export class LinesInHand {
  #batches: { readonly end: string; readonly lines: number }[] = [];
  #lines = 0;

  get count(): number {
    return this.#lines;
  }

  add(end: string, lines: number): void {
    this.#batches.push({ end, lines });
    this.#lines += lines;
  }

  /** Everything up to this place is settled. A place that isn't known settles nothing. */
  settle(end: string): void {
    const count = this.#batches.findIndex((batch) => batch.end === end) + 1;
    for (const { lines } of this.#batches.splice(0, count)) this.#lines -= lines;
  }

  clear(): void {
    this.#batches = [];
    this.#lines = 0;
  }
}
