import type { Intervals } from './ledger-line.ts';

/**
 * A set of sequence numbers, kept as a few closed intervals. A healthy producer is one interval, whatever its length, so
 * the set costs a handful of numbers for millions of events. It serves twice: a number already in it is a duplicate, a
 * hole in it that nobody accounts for is a loss.
 */
export class SequenceSet {
  /** Bounds, ascending: from0, to0, from1, to1, … No two intervals overlap or touch. */
  readonly #bounds: number[];
  #size: number;

  constructor(intervals: Intervals = []) {
    this.#bounds = [];
    this.#size = 0;
    for (const [from, to] of intervals) this.addRange(from, to);
  }

  /** How many numbers are in the set. */
  get size(): number {
    return this.#size;
  }

  /** The highest number in the set, 0 when empty. */
  get last(): number {
    return this.#bounds.at(-1) ?? 0;
  }

  get intervalCount(): number {
    return this.#bounds.length / 2;
  }

  has(sequence: number): boolean {
    const i = this.#intervalFrom(sequence);
    return i < this.#bounds.length && (this.#bounds[i] ?? 0) <= sequence;
  }

  /** Whether all numbers from `from` to `to`, both included, are in the set. */
  covers(from: number, to: number): boolean {
    const i = this.#intervalFrom(from);
    return i < this.#bounds.length && (this.#bounds[i] ?? 0) <= from && (this.#bounds[i + 1] ?? 0) >= to;
  }

  /** Adds a number; false when it was there already. */
  add(sequence: number): boolean {
    const bounds = this.#bounds;
    const end = bounds.length - 1;
    if (end > 0 && sequence === (bounds[end] ?? 0) + 1) {
      bounds[end] = sequence;
      this.#size += 1;
      return true;
    }
    if (this.has(sequence)) return false;
    this.addRange(sequence, sequence);
    return true;
  }

  /** Adds all numbers from `from` to `to`, both included. */
  addRange(from: number, to: number): void {
    if (!Number.isSafeInteger(from) || !Number.isSafeInteger(to) || from > to) {
      throw new RangeError(`not an interval of sequence numbers: [${from}, ${to}]`);
    }
    const bounds = this.#bounds;
    const first = this.#intervalFrom(from - 1);
    let low = from;
    let high = to;
    let removed = 0;
    let i = first;
    for (; i < bounds.length && (bounds[i] ?? 0) <= to + 1; i += 2) {
      const oldFrom = bounds[i] ?? 0;
      const oldTo = bounds[i + 1] ?? 0;
      low = Math.min(low, oldFrom);
      high = Math.max(high, oldTo);
      removed += oldTo - oldFrom + 1;
    }
    bounds.splice(first, i - first, low, high);
    this.#size += high - low + 1 - removed;
  }

  /** The intervals, ascending. */
  intervals(): [number, number][] {
    const result: [number, number][] = [];
    for (let i = 0; i < this.#bounds.length; i += 2) result.push([this.#bounds[i] ?? 0, this.#bounds[i + 1] ?? 0]);
    return result;
  }

  /** The numbers from 1 to `upTo` that are not in the set, as intervals. */
  holes(upTo: number): [number, number][] {
    const result: [number, number][] = [];
    let next = 1;
    for (const [from, to] of this.intervals()) {
      if (from > upTo) break;
      if (from > next) result.push([next, from - 1]);
      next = to + 1;
    }
    if (next <= upTo) result.push([next, upTo]);
    return result;
  }

  clone(): SequenceSet {
    return new SequenceSet(this.intervals());
  }

  /** Index of the first interval whose end is not below `sequence`. */
  #intervalFrom(sequence: number): number {
    let low = 0;
    let high = this.#bounds.length / 2;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#bounds[middle * 2 + 1] ?? 0) < sequence) low = middle + 1;
      else high = middle;
    }
    return low * 2;
  }
}
