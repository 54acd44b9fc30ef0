/** One server in this process, from its start line to its stop. */
import { ConfigError, loadConfig } from './config.ts';
import { logToStderr } from './log.ts';
import { createServer, type RunningServer } from './server.ts';

/** Where a stop takes longer than this, somebody hangs on: the queue holds everything, so the process may go. */
const STOP_MS = 20_000;

/**
 * Runs a server until SIGTERM or SIGINT; at SIGHUP it reads its configuration again.
 *
 * @returns the exit code: 0 after a stop in order, 1 where it could not start or stop, 2 where the configuration is wrong.
 */
export async function runServer(overrides: Readonly<Record<string, unknown>>, configFile?: string): Promise<number> {
  let server: RunningServer;
  try {
    const readConfig = () => loadConfig(process.env, overrides, configFile);
    const config = readConfig();
    for (const notice of config.notices) logToStderr('warn', notice);
    server = await createServer(config, { readConfig });
    process.stdout.write(`tailrace listens on ${server.url} and keeps its data in ${config.dataDir}\n`);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    return error instanceof ConfigError ? 2 : 1;
  }
  const onHangup = (): void => reloadOrTell(server);
  process.on('SIGHUP', onHangup);
  const signal = await nextSignal();
  process.off('SIGHUP', onHangup);
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

/** A fault in the new configuration leaves the old one in force. */
function reloadOrTell(server: RunningServer): void {
  try {
    server.reload();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    logToStderr('error', `the configuration was not changed, the old one stays in force: ${reason}`);
  }
}

function nextSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    process.once('SIGTERM', resolve);
    process.once('SIGINT', resolve);
  });
}
