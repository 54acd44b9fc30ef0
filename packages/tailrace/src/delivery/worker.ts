/** The delivery worker: the engine in a thread of its own. Started by `delivery.ts`, never by hand. */
import { parentPort, workerData } from 'node:worker_threads';
import { createClock } from './clock.ts';
import { describeFailure, type SinkFailure } from './failure.ts';
import { makeSinkWhenNeeded } from './make-sink.ts';
import type { Batch, Sink, SinkOutcome } from './sink.ts';
import { stageOfSpec, startEngine } from './start-engine.ts';
import { stepBehind } from './step-behind.ts';
import { type FromWorker, type Request, type ToWorker, WAKE_FLAG, type WorkerStart } from './worker-messages.ts';

if (parentPort === null)
  throw new Error('this file is the delivery worker of tailrace: it runs in a worker thread only');
stepBehind();
const port = parentPort;
const start: WorkerStart = workerData;
const say = (message: FromWorker, transfer: readonly ArrayBuffer[] = []) => port.postMessage(message, transfer);
const wakeFlags = new Int32Array(start.wakeFlags);

const sends = new Map<number, (answer: SinkOutcome | SinkFailure) => void>();
let sendsStarted = 0;

const engine = startEngine(
  {
    spoolRoot: start.spoolRoot,
    directory: start.directory,
    clock: createClock(false),
    alertWebhookUrl: start.alertWebhookUrl,
    onReport: (report) => say({ kind: 'report', report }),
    onIdle: () => {
      // In this order, against `wake` in delivery.ts: growth is either seen here, or comes with a message.
      Atomics.store(wakeFlags, WAKE_FLAG.isIdle, 1);
      if (Atomics.exchange(wakeFlags, WAKE_FLAG.hasGrown, 0) === 1) queueMicrotask(() => engine.wake());
    },
  },
  start.routes.map(({ sinks, ...options }) => ({
    options,
    stages: sinks.map(stageOfSpec),
    makeSinks: (context) =>
      sinks.map((spec, index) =>
        spec.kind === 'main' ? mainThreadSink(options.name, index, spec) : makeSinkWhenNeeded(spec, context),
      ),
  })),
);

port.on('message', (message: ToWorker) => {
  switch (message.kind) {
    case 'wake':
      engine.wake();
      break;
    case 'alert':
      engine.alert(message.text);
      break;
    case 'request':
      answer(message.id, message.request).catch((error: unknown) => {
        say({ kind: 'failed', id: message.id, message: describeFailure(error).message });
      });
      break;
    case 'sent':
      sends.get(message.id)?.(message.outcome);
      break;
    case 'send_failed':
      sends.get(message.id)?.(message.failure);
      break;
  }
});
say({ kind: 'ready' });

async function answer(id: number, request: Request): Promise<void> {
  switch (request.kind) {
    case 'flush':
      say({ kind: 'flushed', id, isFlushed: await engine.flush(request.timeoutMs) });
      break;
    case 'close':
      await engine.close(request.timeoutMs);
      say({ kind: 'closed', id });
      break;
    case 'stats':
      say({ kind: 'stats', id, stats: await engine.stats() });
      break;
    case 'replay':
      say({ kind: 'replayed', id, result: await engine.replayDeadLetters(request.route, request.timeoutMs) });
      break;
  }
}

/** A sink that lives on the main thread: batches go there by message, outcomes come back. */
function mainThreadSink(
  route: string,
  index: number,
  spec: { readonly name: string; readonly takesLedger: boolean },
): Sink {
  return {
    name: spec.name,
    takesLedger: spec.takesLedger,
    send: (batch, signal) => sendToMainThread(route, index, batch, signal),
  };
}

async function sendToMainThread(route: string, sink: number, batch: Batch, signal: AbortSignal): Promise<SinkOutcome> {
  sendsStarted += 1;
  const id = sendsStarted;
  const body = new Uint8Array(batch.body);
  let end = 0;
  const ends = batch.lines.map((line) => {
    end += line.length + 1;
    return end;
  });
  const answered = new Promise<SinkOutcome | SinkFailure>((resolve) => sends.set(id, resolve));
  const abort = () => {
    say({ kind: 'abort', id });
    sends.get(id)?.({ type: 'TimeoutError', message: 'no answer from the main thread in time' });
  };
  signal.addEventListener('abort', abort);
  say({ kind: 'send', id, route, sink, body, ends }, [body.buffer]);
  const result = await answered;
  signal.removeEventListener('abort', abort);
  sends.delete(id);
  if ('kind' in result) return result;
  throw Object.assign(new Error(result.message), { name: result.type, stack: result.stack });
}
