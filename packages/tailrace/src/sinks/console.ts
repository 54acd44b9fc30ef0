/** The sink to standard output: a coloured line per event for people in a terminal, JSON lines for everything else. */
import { write } from 'node:fs';
import { isatty } from 'node:tty';
import type { Sink, SinkOutcome } from '../delivery/sink.ts';
import { formatPretty } from './console-format.ts';
import { readSinkOptions } from './sink-options.ts';

/** A pipe that is full is tried again after so long, in milliseconds. */
const FULL_PIPE_MS = 20;

/** @throws TypeError where the options are wrong. */
export function createSink(given: unknown): Sink {
  const options = readSinkOptions('console', given, { format: 'string', colour: 'boolean', fd: 'number' });
  const fd = options.fd ?? 1;
  const isTerminal = isatty(fd);
  const format = options.format ?? (isTerminal ? 'pretty' : 'json');
  const colour = options.colour ?? wantsColour(isTerminal);
  // One write at a time, to its end: a line that was begun is finished even where its batch was given up meanwhile.
  let last: Promise<unknown> = Promise.resolve();

  return {
    name: 'console',
    send(batch, signal) {
      const text = format === 'json' ? batch.body : Buffer.from(formatPretty(batch.lines, colour));
      const outcome = last.then(() => (signal.aborted ? calledOff : print(fd, text)));
      last = outcome.catch(() => {});
      return outcome;
    },
    close: async () => {
      await last;
    },
  };
}

const calledOff: SinkOutcome = { kind: 'retry', reason: 'the time was over before standard output took the batch' };

function wantsColour(isTerminal: boolean): boolean {
  const { NO_COLOR, FORCE_COLOR } = process.env;
  if (NO_COLOR !== undefined && NO_COLOR !== '') return false;
  if (FORCE_COLOR !== undefined) return FORCE_COLOR !== '0' && FORCE_COLOR !== 'false';
  return isTerminal;
}

async function print(fd: number, text: Buffer): Promise<SinkOutcome> {
  for (let offset = 0; offset < text.length; ) {
    const result = await writeOnce(fd, text, offset);
    if (typeof result === 'number') offset += result;
    else if (result.code === 'EAGAIN') await new Promise((resolve) => setTimeout(resolve, FULL_PIPE_MS));
    // Nobody reads any more (as after `app | head`), and nobody will.
    else if (result.code === 'EPIPE') return { kind: 'refused', reason: 'standard output is closed (EPIPE)' };
    else return { kind: 'retry', reason: `standard output takes nothing: ${result.message}` };
  }
  return { kind: 'delivered' };
}

function writeOnce(fd: number, text: Buffer, offset: number): Promise<number | NodeJS.ErrnoException> {
  return new Promise((resolve) => {
    write(fd, text, offset, text.length - offset, null, (error, written) => resolve(error ?? written));
  });
}
