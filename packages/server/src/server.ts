/**
 * The composition root: every part of the server is made here or in `compose/`, handed to those that need it, and closed in
 * reverse. Which parts there are is for the roles and the settings to say; the module of a part that isn't needed isn't loaded.
 */
import { readFileSync } from 'node:fs';
import { createMetrics } from './api/metrics.ts';
import { listen } from './compose/listen.ts';
import { openApi } from './compose/open-api.ts';
import { openDataFolder } from './compose/open-data-folder.ts';
import { openRuntime } from './compose/open-runtime.ts';
import { openStore } from './compose/open-store.ts';
import type { ServerConfig } from './config.ts';
import { createLiveConfig, type LiveConfig, type Reload } from './live-config.ts';
import { type Log, logToStderr, withLevel } from './log.ts';
import type { Queue } from './queue/queue.ts';
import type { Store } from './store/store.ts';

export type { Log } from './log.ts';

export interface ServerParts {
  /** Opens the store. @defaultValue the one that the configuration names */
  readonly openStore?: (config: LiveConfig, log: Log) => Promise<Store>;
  /** Opens the broker. @defaultValue the one that the configuration names */
  readonly openBroker?: (config: LiveConfig, log: Log) => Promise<Queue | undefined>;
  /** Reads the configuration again, for a reload. Where it is missing, nothing can be reloaded. */
  readonly readConfig?: () => ServerConfig;
  readonly log?: Log;
  readonly now?: () => number;
}

export interface RunningServer {
  /** Where it listens, as `http://127.0.0.1:7300`. */
  readonly url: string;
  /**
   * Reads the configuration again, and takes over what can change in a process that runs.
   *
   * @throws ConfigError where it has faults: then the old one stays in force.
   */
  reload(): Reload;
  /** Stops listening, finishes the requests at hand, commits, and closes. */
  close(): Promise<void>;
}

/** @throws Error where the data folder is in use, or can't be read or written, or the port is taken. */
export async function createServer(initial: ServerConfig, parts: ServerParts = {}): Promise<RunningServer> {
  const { config, replace } = createLiveConfig(initial);
  const log = withLevel(parts.log ?? logToStderr, () => config.logLevel);
  const now = parts.now ?? Date.now;
  const closers: (() => Promise<void>)[] = [];
  const onOpen = (close: () => Promise<void>): void => {
    closers.push(close);
  };
  const close = async (): Promise<void> => {
    for (const one of closers.splice(0).reverse()) await one();
  };
  const reload = (): Reload => {
    if (parts.readConfig === undefined) return { applied: [], needRestart: [] };
    const { applied, needRestart } = replace(parts.readConfig());
    log('info', describeReload(applied, needRestart));
    return { applied, needRestart };
  };

  try {
    const claim = await openDataFolder(config.dataDir, log);
    onOpen(async () => claim.release());
    const metrics = createMetrics();
    const version = readVersion();
    const open = parts.openStore ?? openStore;
    const { openBroker } = parts;
    const runtime = await openRuntime({ config, openStore: open, openBroker, metrics, version, log, now, onOpen });
    metrics.watch(runtime);
    const app = openApi({ runtime, metrics, reload, log, now, onOpen });
    return { url: await listen(app, config), reload, close };
  } catch (error) {
    await close();
    throw error;
  }
}

function describeReload(applied: readonly string[], needRestart: readonly string[]): string {
  const parts = [
    applied.length === 0 ? 'nothing changed that can be changed here' : `in force now: ${applied.join(', ')}`,
    ...(needRestart.length === 0 ? [] : [`needs a restart: ${needRestart.join(', ')}`]),
  ];
  return `the configuration was read again; ${parts.join('; ')}`;
}

function readVersion(): string {
  const content: unknown = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
  return typeof content === 'object' && content !== null && 'version' in content ? String(content.version) : 'unknown';
}
