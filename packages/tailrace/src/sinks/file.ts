/** The sink to a file: JSON lines, with rotation. */
import type { Sink, SinkContext, SinkOutcome } from '../delivery/sink.ts';
import { RotatingFile } from './rotating-file.ts';
import { readSinkOptions } from './sink-options.ts';

/** @throws TypeError where the options are wrong. */
export function createSink(given: unknown, context: SinkContext): Sink {
  const options = readSinkOptions('file', given, {
    path: 'string',
    maxBytes: 'number',
    maxAgeMs: 'number',
    maxFiles: 'number',
    gzip: 'boolean',
    fsync: 'boolean',
    name: 'string',
  });
  const { path } = options;
  if (path === undefined) throw new TypeError('file sink: path is missing: give the file to write to');
  const file = new RotatingFile({
    path,
    maxBytes: options.maxBytes ?? 64 << 20,
    maxAgeMs: options.maxAgeMs ?? 86_400_000,
    maxFiles: options.maxFiles ?? 14,
    gzip: options.gzip ?? true,
    fsync: options.fsync ?? false,
    onFault: (error) => context.notice('file_not_tidied', `${path}: ${error}`),
  });
  /** One write at a time. */
  let last: Promise<unknown> = Promise.resolve();

  async function write(body: Buffer, signal: AbortSignal): Promise<SinkOutcome> {
    if (signal.aborted) return { kind: 'retry', reason: `${path}: the time was over before its turn` };
    try {
      await file.append(body);
      return { kind: 'delivered' };
    } catch (error) {
      return { kind: 'retry', reason: `${path}: ${error instanceof Error ? error.message : String(error)}` };
    }
  }

  return {
    name: options.name ?? 'file',
    send(batch, signal) {
      const outcome = last.then(() => write(batch.body, signal));
      last = outcome;
      return outcome;
    },
    async close() {
      await last;
      await file.close();
    },
  };
}
