/**
 * What the queue may still hold, as a process can know that doesn't see it, or sees a part of it.
 *
 * A process that sees the queue knows a time before which nothing was published that may still come out (`QueueStats`).
 * It leaves a note of it in the shared store every ten seconds, and each process looks at the notes of the others. The
 * oldest time counts: a broker is seen whole by whoever is connected to it, a disk before it only by its own process.
 *
 * A note tells no time of day but how long ago that was, since two machines have two clocks. When a note was made, the
 * reader knows by its own looks: after the note before it was written, which was after the last look that didn't find that
 * one. So the time comes out early, by two looks, and never late; the first note of a process tells that there is a queue,
 * and nothing else.
 *
 * A process that has died tells nothing new. Its last note holds back what became known since, but not for ever: after
 * ten minutes of silence it doesn't count, as long as another one sees the queue. Where none does, nobody takes anything out
 * of it: then all notes count until the store forgets them, after a day. Without a note, as where earlier versions write,
 * the queue holds nothing as far as is known.
 */
import type { QueueNote } from '../store/store.ts';

interface Told {
  readonly number: number;
  /** The note was written after this, and so whatever this process tells next is made after this. */
  readonly writtenAfterMs: number;
  /** What the note says, by the reader's clock. */
  readonly passedMs: number;
  /** For how long it was looked for something newer. */
  silentMs: number;
}

const SILENT_MS = 600_000;
/** A store that was away for hours has silenced nobody. */
const LONGEST_STEP_MS = 20_000;

export class QueueSight {
  readonly #seesQueue: boolean;
  #told: ReadonlyMap<string, Told> = new Map();
  #lookedMs = Number.NEGATIVE_INFINITY;

  /** @param seesQueue - true for a process that sees a queue itself: then it is never the silence of all */
  constructor(seesQueue: boolean) {
    this.#seesQueue = seesQueue;
  }

  /**
   * Takes what the others have told.
   *
   * @param lookedMs - when the notes began to be read
   */
  look(notes: readonly QueueNote[], lookedMs: number): void {
    const stepMs = Math.min(LONGEST_STEP_MS, Math.max(0, lookedMs - this.#lookedMs));
    const told = new Map<string, Told>();
    for (const { process, number, behindMs } of notes) {
      const known = this.#told.get(process);
      if (known !== undefined && number <= known.number) {
        told.set(process, { ...known, silentMs: known.silentMs + stepMs });
        continue;
      }
      const madeAfterMs = known?.writtenAfterMs ?? Number.NEGATIVE_INFINITY;
      told.set(process, {
        number,
        writtenAfterMs: this.#lookedMs,
        passedMs: madeAfterMs - (behindMs ?? Number.POSITIVE_INFINITY),
        silentMs: 0,
      });
    }
    this.#told = told;
    this.#lookedMs = lookedMs;
  }

  /** Before this time nothing was published that may still come out of the queue, in milliseconds since 1970. */
  get passedMs(): number {
    const all = [...this.#told.values()];
    const heard = all.filter(({ silentMs }) => silentMs < SILENT_MS);
    return Math.min(...(heard.length > 0 || this.#seesQueue ? heard : all).map(({ passedMs }) => passedMs));
  }
}
