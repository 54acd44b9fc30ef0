import { listSegmentsSync } from './segment.ts';

const RECOUNT_INTERVAL_MS = 100;

/**
 * Bytes on disk. Readers free segments in another thread or process, so the count only ever grows by itself; the folder is
 * looked at again when a line doesn't fit, a few times a second at most.
 */
export class Capacity {
  readonly #directory: string;
  #bytes = 0;
  #segments = 0;
  #recountedAt = Number.NEGATIVE_INFINITY;

  constructor(directory: string) {
    this.#directory = directory;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get segments(): number {
    return this.#segments;
  }

  add(bytes: number): void {
    this.#bytes += bytes;
  }

  hasRoom(bytes: number, limit: number): boolean {
    if (this.#bytes + bytes <= limit) return true;
    if (performance.now() - this.#recountedAt < RECOUNT_INTERVAL_MS) return false;
    this.recount();
    return this.#bytes + bytes <= limit;
  }

  recount(): void {
    this.#recountedAt = performance.now();
    try {
      const segments = listSegmentsSync(this.#directory);
      this.#segments = segments.length;
      this.#bytes = segments.reduce((sum, segment) => sum + segment.bytes, 0);
    } catch {
      // The folder isn't there or can't be read: what was counted stands.
    }
  }
}
