import type { Batch, Sink, SinkOutcome } from '../delivery/sink.ts';
import type { SinkSpec } from '../delivery/types.ts';

/**
 * Takes a batch of events on the main thread. It may answer with an outcome; to return nothing says that all is
 * delivered, and to throw says that the batch should be tried again.
 *
 * @param events - the batch, parsed.
 * @param batch - the same events as bytes.
 * @param signal - aborts when the time for the batch is over.
 */
export type SinkFunction = (
  events: readonly Readonly<Record<string, unknown>>[],
  batch: Batch,
  signal: AbortSignal,
) => void | SinkOutcome | Promise<void> | Promise<SinkOutcome | undefined>;

export interface FunctionSinkOptions {
  /** Names the sink in metrics and messages. @defaultValue the function's name, else `function` */
  readonly name?: string;
}

/**
 * Gives events to a function of the application, on the main thread. What it throws stays here: the batch is tried
 * again, and the other routes aren't touched. Work that takes long belongs elsewhere, since this is the thread that
 * serves requests.
 *
 * @example
 * ```ts
 * const sink = functionSink(async (events) => {
 *   await collection.insertMany(events);
 * }, { name: 'mongodb' });
 * ```
 */
export function functionSink(fn: SinkFunction, options: FunctionSinkOptions = {}): SinkSpec {
  const name = options.name ?? (fn.name === '' ? 'function' : fn.name);
  const sink: Sink = {
    name,
    async send(batch, signal) {
      const events = batch.lines.map((line): Readonly<Record<string, unknown>> => JSON.parse(line.toString()));
      return (await fn(events, batch, signal)) ?? { kind: 'delivered' };
    },
  };
  return { kind: 'main', name, sink };
}
