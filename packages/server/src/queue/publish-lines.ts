/** Publishing through the library's writing half, with the errors of the queue port. */
import { BrokerError, type BrokerPublisher, type RefusedLine } from 'tailrace/sinks/kafka';
import { QueueFullError } from './queue.ts';

/** The broker will never take some of the lines, however often they are sent; it has all the others. */
export class LinesRefusedError extends Error {
  override readonly name = 'LinesRefusedError';
  readonly code = 'LINES_REFUSED';
  readonly refused: readonly RefusedLine[];

  constructor(refused: readonly RefusedLine[]) {
    super(`the broker refuses ${refused.length} of the lines for good: ${refused[0]?.reason ?? ''}`);
    this.refused = refused;
  }
}

/**
 * @returns the bytes of the lines
 * @throws QueueFullError, LinesRefusedError, BrokerError
 */
export async function publishLines(publisher: BrokerPublisher, lines: readonly string[]): Promise<number> {
  let refused: readonly RefusedLine[];
  try {
    refused = await publisher.publish(lines);
  } catch (error) {
    if (error instanceof BrokerError && error.code === 'FULL')
      throw new QueueFullError(error.message, { cause: error });
    throw error;
  }
  if (refused.length > 0) throw new LinesRefusedError(refused);
  return lines.reduce((bytes, line) => bytes + Buffer.byteLength(line), 0);
}
