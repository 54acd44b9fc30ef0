export interface SinkFailure {
  readonly type: string;
  readonly message: string;
  readonly stack?: string;
}

/** What was thrown, as data: it may be anything. */
export function describeFailure(error: unknown): SinkFailure {
  try {
    if (error instanceof Error) {
      return {
        type: String(error.name),
        message: String(error.message),
        ...(typeof error.stack === 'string' && { stack: error.stack }),
      };
    }
    return { type: typeof error, message: String(error) };
  } catch {
    return { type: 'unknown', message: 'something was thrown that can not be described' };
  }
}
