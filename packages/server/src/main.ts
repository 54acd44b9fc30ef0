/** One server in this process, from its start line to its stop. */
import { ConfigError, loadConfig } from './config.ts';
import { createServer, logToStderr, type RunningServer } from './server.ts';
import { openDuckDbStore } from './store/duckdb/duckdb-store.ts';

/** Where a stop takes longer than this, somebody hangs on: the queue holds everything, so the process may go. */
const STOP_MS = 20_000;
const DAY_MS = 86_400_000;

/**
 * Runs a server until SIGTERM or SIGINT.
 *
 * @returns the exit code: 0 after a stop in order, 1 where it could not start or stop, 2 where the configuration is wrong.
 */
export async function runServer(overrides: Readonly<Record<string, unknown>>, configFile?: string): Promise<number> {
  let server: RunningServer;
  try {
    const config = loadConfig(process.env, overrides, configFile);
    for (const notice of config.notices) logToStderr('warn', notice);
    const retention = { maxAgeMs: config.retentionDays * DAY_MS, maxBytes: config.retentionBytes };
    server = await createServer(config, { openStore: (directory) => openDuckDbStore({ directory, retention }) });
    process.stdout.write(`tailrace listens on ${server.url} and keeps its data in ${config.dataDir}\n`);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    return error instanceof ConfigError ? 2 : 1;
  }
  const signal = await nextSignal();
  process.stdout.write(`tailrace stops (${signal})\n`);
  const timer = setTimeout(() => {
    process.stderr.write(
      'the stop takes too long; what is not committed is in the queue, and is read at the next start\n',
    );
    process.exit(1);
  }, STOP_MS);
  try {
    await server.close();
  } finally {
    clearTimeout(timer);
  }
  return 0;
}

function nextSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    process.once('SIGTERM', resolve);
    process.once('SIGINT', resolve);
  });
}
