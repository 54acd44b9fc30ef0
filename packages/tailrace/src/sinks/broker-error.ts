/** Why a broker did not take lines, in a form that the one who publishes can act on. */

/**
 * - `FULL`: the broker, or what waits for it here, is at its bound
 * - `UNREACHABLE`: no connection, or it was lost on the way; some of the lines may be there
 * - `TIMEOUT`: no answer in time; some of the lines may be there
 * - `NOT_ALLOWED`: the name, password or rights are wrong
 * - `MISSING`: the topic or stream isn't there, and may not be made
 * - `FAILED`: the broker answered with an error that is none of these
 */
export type BrokerErrorCode = 'FULL' | 'UNREACHABLE' | 'TIMEOUT' | 'NOT_ALLOWED' | 'MISSING' | 'FAILED';

export class BrokerError extends Error {
  override readonly name = 'BrokerError';
  readonly code: BrokerErrorCode;

  constructor(code: BrokerErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** A line that the broker will never take, however often it is sent. */
export interface RefusedLine {
  /** Index into the lines that were published. */
  readonly index: number;
  readonly reason: string;
}

/** The writing half of a broker: what a sink and a server's queue publish with. */
export interface BrokerPublisher {
  /**
   * Resolves when the broker has confirmed every line but those that it returns, which it refuses for good.
   *
   * @throws BrokerError within the time bound when that can't be said. Some lines may have been taken: send them all again,
   * the reader tells doubles by the event's id.
   */
  publish(lines: readonly (string | Buffer)[]): Promise<readonly RefusedLine[]>;
  close(): Promise<void>;
}

/** Waits for work, at most so long. The work goes on; what it comes to is looked at no more. */
export async function within<T>(ms: number, work: Promise<T>, late: () => Error): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const bound = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(late()), ms);
  });
  try {
    return await Promise.race([work, bound]);
  } finally {
    clearTimeout(timer);
  }
}

export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // An AggregateError of a connection to `localhost` (::1 and 127.0.0.1) has no message of its own.
  if (error.message === '' && error instanceof AggregateError) return error.errors.map(messageOf).join('; ');
  return error.message;
}
