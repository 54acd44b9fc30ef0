/** The server's own log lines. */
export type LogLevel = 'info' | 'warn' | 'error';
export type Log = (level: LogLevel, message: string) => void;

const WEIGHT: Readonly<Record<LogLevel, number>> = { info: 0, warn: 1, error: 2 };

export function logToStderr(level: LogLevel, message: string): void {
  process.stderr.write(`${new Date().toISOString()} ${level} ${message}\n`);
}

/** @param least - read at each line, since it may change */
export function withLevel(log: Log, least: () => LogLevel): Log {
  return (level, message) => {
    if (WEIGHT[level] >= WEIGHT[least()]) log(level, message);
  };
}
