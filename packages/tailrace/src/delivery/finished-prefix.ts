import type { Position } from '../spool/position.ts';

/** One batch under way. */
export interface Ticket {
  readonly to: Position;
  readonly bytes: number;
  isFinished: boolean;
}

/**
 * Which place a cursor may move to while batches are under way side by side: the end of the last batch before which
 * everything is finished, and never past one that isn't.
 */
export class FinishedPrefix {
  /** In the order of the spool; the first one is never finished. */
  readonly #underWay: Ticket[] = [];
  #end: Position;
  #finishedBytes = 0;

  constructor(start: Position) {
    this.#end = start;
  }

  /** Everything before this place is finished. */
  get end(): Position {
    return this.#end;
  }

  /** Batches under way or waiting for one before them. */
  get pending(): number {
    return this.#underWay.length;
  }

  /** True where everything before this batch is finished. */
  isFirst(ticket: Ticket): boolean {
    return this.#underWay[0] === ticket;
  }

  /** Bytes of the batches that the end has passed. */
  get finishedBytes(): number {
    return this.#finishedBytes;
  }

  /** A batch was read, and follows all that were started before it. */
  start(to: Position, bytes: number): Ticket {
    const ticket = { to, bytes, isFinished: false };
    this.#underWay.push(ticket);
    return ticket;
  }

  /** The batch is delivered, dead or dropped to its last line. True where the end moved. */
  finish(ticket: Ticket): boolean {
    ticket.isFinished = true;
    let moved = false;
    for (let first = this.#underWay[0]; first?.isFinished; first = this.#underWay[0]) {
      this.#underWay.shift();
      this.#end = first.to;
      this.#finishedBytes += first.bytes;
      moved = true;
    }
    return moved;
  }
}
