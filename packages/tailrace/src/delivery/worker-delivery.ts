/**
 * The main thread's side of the delivery worker.
 *
 * A thread costs memory and a start, so it begins when there is something to do: with the first line, with the first
 * question, or at once where something was left in this spool or in those of others. Those that others leave later are looked for.
 *
 * A worker that dies is started again, with back-off. Nothing is lost by that: what it had not finished is before no
 * cursor. Requests that wait for it go to the next one, with the time that they have left. A worker that can't even
 * start, several times in a row, or whose file isn't there, is given up: delivery then runs inline.
 */
import { readdirSync } from 'node:fs';
import { basename } from 'node:path';
import { Worker } from 'node:worker_threads';
import { listSegmentsSync } from '../spool/segment.ts';
import { backoffMs } from './backoff.ts';
import { describeFailure } from './failure.ts';
import type { Delivery, DeliveryOptions, ReplayResult, RouteStats } from './types.ts';
import type { WorkerFile } from './worker-file.ts';
import { type FromWorker, type Request, type ToWorker, WAKE_FLAG, type WorkerStart } from './worker-messages.ts';

/** Starts in a row that failed before delivery goes inline. */
const MAX_FAILED_STARTS = 3;
const RESTART_BACKOFF = { initialMs: 200, maxMs: 30_000 };
/** Beyond its own time-out, a request waits so long for the worker's answer. */
const ANSWER_GRACE_MS = 1500;
const STATS_TIMEOUT_MS = 5000;
/** How often a delivery that has nothing to do looks for spools of others. */
const LOOK_INTERVAL_MS = 30_000;

type Answer = Exclude<FromWorker, { readonly kind: 'ready' | 'report' | 'send' | 'abort' }>;

interface PendingRequest {
  readonly request: Request;
  readonly endsAt: number;
  readonly settle: (answer: Answer | undefined) => void;
}

export class WorkerDelivery implements Delivery {
  readonly #options: DeliveryOptions;
  readonly #findFile: () => WorkerFile | undefined;
  readonly #deliverInline: () => Delivery;
  readonly #wakeFlags = new SharedArrayBuffer(8);
  readonly #flags = new Int32Array(this.#wakeFlags);
  readonly #pending = new Map<number, PendingRequest>();
  readonly #sends = new Map<number, AbortController>();
  #requests = 0;
  #worker: Worker | undefined;
  #looking: NodeJS.Timeout | undefined;
  #hasBegun = false;
  #inline: Delivery | undefined;
  #failedStarts = 0;
  #deaths = 0;
  #isClosed = false;
  /** Closed, and the worker is gone: nobody is left to answer. */
  #isOver = false;

  constructor(options: DeliveryOptions, findFile: () => WorkerFile | undefined, deliverInline: () => Delivery) {
    this.#options = options;
    this.#findFile = findFile;
    this.#deliverInline = deliverInline;
    if (this.#isIdle()) {
      this.#looking = setInterval(() => {
        if (!this.#isIdle()) this.#begin();
      }, LOOK_INTERVAL_MS).unref();
    } else this.#begin();
  }

  /** True where nothing was written to this spool yet, and nobody else has one beside it. */
  #isIdle(): boolean {
    const { spoolRoot, directory } = this.#options;
    try {
      return (
        readdirSync(spoolRoot).every((name) => name === basename(directory)) &&
        listSegmentsSync(directory).every(({ bytes }) => bytes === 0)
      );
    } catch {
      // The worker will say what is wrong with it.
      return false;
    }
  }

  #begin(): void {
    if (this.#hasBegun) return;
    this.#hasBegun = true;
    clearInterval(this.#looking);
    this.#start();
  }

  wake(): void {
    if (this.#inline !== undefined) {
      this.#inline.wake();
      return;
    }
    if (!this.#hasBegun) this.#begin();
    Atomics.store(this.#flags, WAKE_FLAG.hasGrown, 1);
    if (Atomics.exchange(this.#flags, WAKE_FLAG.isIdle, 0) === 1) this.#post({ kind: 'wake' });
  }

  alert(text: string): void {
    this.#begin();
    if (this.#inline !== undefined) this.#inline.alert(text);
    else this.#post({ kind: 'alert', text });
  }

  async flush(timeoutMs: number): Promise<boolean> {
    const answer = await this.#ask({ kind: 'flush', timeoutMs }, timeoutMs);
    return answer?.kind === 'flushed' && answer.isFlushed;
  }

  async close(timeoutMs: number): Promise<void> {
    if (this.#isClosed) return;
    this.#begin();
    this.#isClosed = true;
    if (this.#inline !== undefined) return this.#inline.close(timeoutMs);
    await this.#ask({ kind: 'close', timeoutMs }, timeoutMs);
    await this.#worker?.terminate();
    this.#worker = undefined;
    this.#isOver = true;
    for (const { sinks } of this.#options.routes) {
      for (const spec of sinks) if (spec.kind === 'main') await closeQuietly(spec.sink.close?.bind(spec.sink));
    }
  }

  async stats(): Promise<readonly RouteStats[]> {
    const answer = await this.#ask({ kind: 'stats' }, STATS_TIMEOUT_MS);
    return answer?.kind === 'stats' ? answer.stats : [];
  }

  async replayDeadLetters(route: string, timeoutMs: number): Promise<ReplayResult> {
    const answer = await this.#ask({ kind: 'replay', route, timeoutMs }, timeoutMs);
    if (answer?.kind === 'failed') throw new Error(answer.message);
    return answer?.kind === 'replayed' ? answer.result : { replayed: 0, deadAgain: 0, isComplete: false };
  }

  #start(): void {
    const file = this.#findFile();
    if (file === undefined) {
      this.#tell(
        'delivery_inline',
        'the file of the delivery worker was not found (bundled?): delivery runs on the main thread',
      );
      this.#goInline();
      return;
    }
    const start: WorkerStart = {
      spoolRoot: this.#options.spoolRoot,
      directory: this.#options.directory,
      routes: this.#options.routes.map((route) => ({
        ...route,
        sinks: route.sinks.map((spec) =>
          spec.kind === 'main' ? { kind: 'main', name: spec.name, takesLedger: spec.sink.takesLedger === true } : spec,
        ),
      })),
      alertWebhookUrl: this.#options.alertWebhookUrl,
      wakeFlags: this.#wakeFlags,
    };
    let isReady = false;
    let error: unknown;
    try {
      const worker = new Worker(file.path, {
        name: 'tailrace-delivery',
        workerData: start,
        ...file.options,
      });
      this.#worker = worker;
      worker.on('message', (message: FromWorker) => {
        if (message.kind === 'ready') {
          isReady = true;
          this.#failedStarts = 0;
        }
        this.#hear(message);
      });
      worker.on('error', (thrown) => {
        error = thrown;
      });
      worker.on('exit', (code) => {
        if (this.#worker === worker) this.#died(isReady, error ?? new Error(`it exited with code ${code}`));
      });
      // Last: a listener for messages keeps the process alive again.
      worker.unref();
    } catch (thrown) {
      this.#died(false, thrown);
    }
  }

  #died(wasReady: boolean, error: unknown): void {
    this.#worker = undefined;
    for (const abort of this.#sends.values()) abort.abort();
    this.#sends.clear();
    // Closing waits for the worker with the rest of its time, so a death meanwhile is mended too.
    if (this.#isClosed && this.#pending.size === 0) return;
    const { message } = describeFailure(error);
    if (!wasReady) this.#failedStarts += 1;
    if (this.#failedStarts >= MAX_FAILED_STARTS) {
      this.#tell('delivery_inline', `the delivery worker can't start, delivery runs on the main thread: ${message}`);
      this.#goInline();
      return;
    }
    this.#deaths += 1;
    this.#tell('delivery_worker_died', `the delivery worker ended and is started again; nothing is lost: ${message}`);
    const failures = wasReady ? Math.min(this.#deaths, 8) : this.#failedStarts;
    setTimeout(() => this.#restart(), backoffMs(failures, RESTART_BACKOFF)).unref();
  }

  #restart(): void {
    if (this.#isClosed && this.#pending.size === 0) return;
    this.#start();
    for (const [id, { request, endsAt }] of this.#pending)
      this.#post({ kind: 'request', id, request: within(request, endsAt) });
  }

  #goInline(): void {
    const inline = this.#deliverInline();
    this.#inline = inline;
    for (const { request, endsAt, settle } of this.#pending.values()) {
      void answerInline(inline, within(request, endsAt)).then(settle);
    }
  }

  #ask(request: Request, timeoutMs: number): Promise<Answer | undefined> {
    if (this.#isOver) return Promise.resolve(undefined);
    this.#begin();
    if (this.#inline !== undefined) return answerInline(this.#inline, request);
    this.#requests += 1;
    const id = this.#requests;
    return new Promise((resolve) => {
      const settle = (answer: Answer | undefined) => {
        clearTimeout(timer);
        this.#pending.delete(id);
        resolve(answer);
      };
      // This timer is what keeps the process alive while somebody waits: the worker never does.
      const timer = setTimeout(() => settle(undefined), Math.min(timeoutMs, 2 ** 30) + ANSWER_GRACE_MS);
      this.#pending.set(id, { request, endsAt: performance.now() + timeoutMs, settle });
      this.#post({ kind: 'request', id, request });
    });
  }

  #hear(message: FromWorker): void {
    switch (message.kind) {
      case 'ready':
        break;
      case 'report':
        this.#options.onReport(message.report);
        break;
      case 'send':
        void this.#sendFromHere(message);
        break;
      case 'abort':
        this.#sends.get(message.id)?.abort();
        break;
      default:
        this.#pending.get(message.id)?.settle(message);
    }
  }

  /** Gives a batch to a sink of the main thread. */
  async #sendFromHere(message: Extract<FromWorker, { readonly kind: 'send' }>): Promise<void> {
    const { id } = message;
    const worker = this.#worker;
    const abort = new AbortController();
    this.#sends.set(id, abort);
    try {
      const spec = this.#options.routes.find((route) => route.name === message.route)?.sinks[message.sink];
      if (spec?.kind !== 'main')
        throw new TypeError(`route ${message.route} has no sink ${message.sink} on the main thread`);
      const body = Buffer.from(message.body.buffer, message.body.byteOffset, message.body.byteLength);
      const lines = message.ends.map((end, index) => body.subarray(message.ends[index - 1] ?? 0, end - 1));
      const outcome = await spec.sink.send({ lines, body }, abort.signal);
      worker?.postMessage({ kind: 'sent', id, outcome } satisfies ToWorker);
    } catch (error) {
      worker?.postMessage({ kind: 'send_failed', id, failure: describeFailure(error) } satisfies ToWorker);
    } finally {
      this.#sends.delete(id);
    }
  }

  #post(message: ToWorker): void {
    this.#worker?.postMessage(message);
  }

  #tell(code: string, message: string): void {
    this.#options.onReport({ kind: 'notice', code, message });
  }
}

/** The request with the time that it has left. */
function within(request: Request, endsAt: number): Request {
  return request.kind === 'stats' ? request : { ...request, timeoutMs: Math.max(0, endsAt - performance.now()) };
}

async function answerInline(inline: Delivery, request: Request): Promise<Answer> {
  switch (request.kind) {
    case 'flush':
      return { kind: 'flushed', id: 0, isFlushed: await inline.flush(request.timeoutMs) };
    case 'close':
      await inline.close(request.timeoutMs);
      return { kind: 'closed', id: 0 };
    case 'stats':
      return { kind: 'stats', id: 0, stats: await inline.stats() };
    case 'replay':
      return { kind: 'replayed', id: 0, result: await inline.replayDeadLetters(request.route, request.timeoutMs) };
  }
}

async function closeQuietly(close: (() => Promise<void>) | undefined): Promise<void> {
  try {
    await close?.();
  } catch {
    // It is closed or it isn't: delivery has ended.
  }
}
