/**
 * Which stage the way in is at, and who is told when that changes: an event in the log itself (topic `logger.fallback`), a line
 * of the server's own log, a metric, and a webhook.
 *
 * A fall is told at once. A return is told when the better stage has held for as long as the breaker's longest pause, and
 * longer if it keeps falling: a broker that flaps makes two alerts (see `StageWatch`). Lines follow the broker without that
 * delay; only the telling waits.
 */
import { hostname } from 'node:os';
import { type Clock, type Stage, type StageChange, StageWatch } from 'tailrace/delivery';
import type { FallbackQueue } from './fallback-queue.ts';

export const FALLBACK_TOPIC = 'logger.fallback';

export interface StageReportOptions {
  readonly queue: FallbackQueue;
  /** Stages from the best to the last. */
  readonly stages: FallbackStages;
  /** False while the store that stands behind the spool fails. */
  readonly isStoreUp: () => boolean;
  readonly holdMs: number;
  readonly clock: Clock;
  readonly service: () => string;
  /** Takes an event into the stream of events. */
  readonly record: (event: Readonly<Record<string, unknown>>) => Promise<unknown>;
  readonly post: (text: string) => void;
  readonly count: (from: string, to: string) => void;
  readonly log: (level: 'info' | 'warn' | 'error', message: string) => void;
  readonly now: () => number;
}

export interface FallbackStages {
  readonly broker: string;
  /** The store that this process can reach while the broker is down. */
  readonly store: string | undefined;
}

export interface StageStatus {
  /** `queue`, `database`, `file`, or `refused`, where senders get 503. */
  readonly stage: string;
  /** What stands there: `kafka`, `mongodb`, `spool`, … */
  readonly name: string;
  /** RFC 3339. */
  readonly since: string;
  /** What is on this machine's disk and not yet with the broker or in the store. */
  readonly waitingBytes: number;
}

/** The store's and the disk's state change without an event. */
const LOOK_MS = 1000;

export class StageReport {
  readonly #options: StageReportOptions;
  readonly #watch: StageWatch;
  readonly #timer: NodeJS.Timeout;

  constructor(options: StageReportOptions) {
    this.#options = options;
    const { broker, store } = options.stages;
    const stages: Stage[] = [
      { stage: 'queue', name: broker },
      ...(store === undefined ? [] : [{ stage: 'database', name: store }]),
      { stage: 'file', name: 'spool' },
      { stage: 'refused', name: 'sender' },
    ];
    this.#watch = new StageWatch(stages, options.holdMs, options.clock, (change) => this.#tell(change));
    this.#timer = setInterval(() => this.look(), LOOK_MS).unref();
  }

  look(): void {
    const { queue, stages, isStoreUp } = this.#options;
    // A full spool refuses, whatever would be able to empty it.
    const isOpen = queue.hasRoom;
    this.#watch.note([
      isOpen && queue.isBrokerUp,
      ...(stages.store === undefined ? [] : [isOpen && isStoreUp()]),
      isOpen,
    ]);
  }

  status(): StageStatus {
    const { stage, name } = this.#watch.stage;
    return {
      stage,
      name,
      since: new Date(this.#options.now() - this.#watch.heldMs).toISOString(),
      waitingBytes: this.#options.queue.waiting.depthBytes,
    };
  }

  close(): void {
    clearInterval(this.#timer);
    this.#watch.stop();
  }

  #tell({ from, to, isFall, heldMs }: StageChange): void {
    const { queue, log, post, count, record, service, now } = this.#options;
    const waitingBytes = queue.waiting.depthBytes;
    const way = `from ${shown(from)} to ${shown(to)}`;
    const message = isFall
      ? `the way in fell back ${way}; ${waitingBytes} bytes wait`
      : `the way in is back ${way}, after ${Math.round(heldMs / 1000)} s; ${waitingBytes} bytes wait`;
    log(isFall ? 'error' : 'warn', message);
    count(from.stage, to.stage);
    post(`${service()} on ${hostname()}: ${message}`);
    record({
      timestamp: new Date(now()).toISOString(),
      level: isFall ? 'error' : 'warn',
      message,
      topic: FALLBACK_TOPIC,
      service: service(),
      host: hostname(),
      'fallback.from': from.stage,
      'fallback.from_name': from.name,
      'fallback.to': to.stage,
      'fallback.to_name': to.name,
      'fallback.ended': !isFall,
      'fallback.since': new Date(isFall ? now() : now() - heldMs).toISOString(),
      'fallback.waiting_bytes': waitingBytes,
      'sampling.rule': 'ALWAYS',
      'sampling.rate': 1,
    }).catch((error: unknown) => {
      // It was logged, counted and posted; with a full spool there is no room for it.
      log('warn', `the event of topic ${FALLBACK_TOPIC} could not be taken: ${String(error)}`);
    });
  }
}

function shown({ stage, name }: Stage): string {
  return `${stage} (${name})`;
}
