/** What the agent says of itself: a file that `tailrace doctor` reads, and metrics for Prometheus. */
import { renameSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { RouteStats } from 'tailrace';
import type { ShipperCounts } from './file-shipper.ts';
import { STATUS_FILE } from './status-file.ts';

export interface AgentStatus {
  readonly version: 1;
  readonly pid: number;
  readonly startedMs: number;
  readonly writtenMs: number;
  /** How often this file is written, in milliseconds. */
  readonly intervalMs: number;
  /** True where the agent has ended in order. */
  readonly isEnded: boolean;
  readonly files: Readonly<Record<'live' | 'rotated' | 'sought' | 'done', number>>;
  /** Bytes of followed files that are not read yet. */
  readonly unreadBytes: number;
  readonly unreadable: readonly { readonly path: string; readonly reason: string }[];
  readonly counts: Readonly<ShipperCounts>;
  /** True where reading waits, since the spool takes nothing. */
  readonly isBlocked: boolean;
  readonly spool: { readonly bytes: number; readonly segments: number };
  /** By data folder: the agent's own, and those of applications. */
  readonly delivery: readonly { readonly dataDir: string; readonly routes: readonly RouteStats[] }[];
}

/** Replaces the status file. @throws what the system says */
export function writeStatus(directory: string, status: AgentStatus): void {
  const path = join(directory, STATUS_FILE);
  writeFileSync(`${path}.tmp`, `${JSON.stringify(status, null, 2)}\n`, { mode: 0o600 });
  renameSync(`${path}.tmp`, path);
}

const COUNTED: readonly (readonly [key: keyof ShipperCounts, name: string, help: string])[] = [
  ['entries', 'tailrace_agent_entries_total', 'Entries read from files.'],
  ['events', 'tailrace_agent_events_total', 'Events written to the spool.'],
  ['sampledOut', 'tailrace_agent_sampled_out_total', 'Entries that the policy did not keep.'],
  ['bytes', 'tailrace_agent_read_bytes_total', 'Bytes read from files.'],
  ['lostBytes', 'tailrace_agent_lost_bytes_total', 'Bytes of files that were gone before they were read.'],
  ['lostFiles', 'tailrace_agent_lost_files_total', 'Files that were gone before they were read to their end.'],
  [
    'replaced',
    'tailrace_agent_replaced_files_total',
    'Files whose inode came to hold something else: truncated, or used again.',
  ],
];

/** Serves `/metrics` and `/healthz`. */
export async function serveMetrics(
  port: number,
  host: string,
  ask: () => Promise<AgentStatus>,
): Promise<{ readonly url: string; close(): Promise<void> }> {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const counters = COUNTED.map(([key, name, help]) => ({
    key,
    counter: new Counter({ name, help, registers: [registry] }),
  }));
  const gauge = (name: string, help: string, labelNames: string[] = []) =>
    new Gauge({ name, help, labelNames, registers: [registry] });
  const files = gauge('tailrace_agent_files', 'Files by where they stand in their life.', ['state']);
  const unread = gauge('tailrace_agent_unread_bytes', 'Bytes of followed files that are not read yet.');
  const unreadable = gauge('tailrace_agent_unreadable_files', 'Files and folders that can not be read now.');
  const blocked = gauge('tailrace_agent_blocked', '1 while reading waits, since the spool takes nothing.');
  const spool = gauge('tailrace_agent_spool_bytes', 'Bytes in the spool of the agent.');
  const backlog = gauge('tailrace_agent_backlog_bytes', 'Bytes that are not delivered yet.', ['data_dir', 'route']);
  const dead = gauge('tailrace_agent_dead_lines', 'Lines that became dead letters since the start.', [
    'data_dir',
    'route',
  ]);

  const describe = async (): Promise<string> => {
    const status = await ask();
    for (const { key, counter } of counters) {
      counter.reset();
      counter.inc(status.counts[key]);
    }
    for (const [state, count] of Object.entries(status.files)) files.set({ state }, count);
    unread.set(status.unreadBytes);
    unreadable.set(status.unreadable.length);
    blocked.set(status.isBlocked ? 1 : 0);
    spool.set(status.spool.bytes);
    for (const { dataDir, routes } of status.delivery) {
      for (const { route, backlogBytes, deadLines } of routes) {
        backlog.set({ data_dir: dataDir, route }, backlogBytes);
        dead.set({ data_dir: dataDir, route }, deadLines);
      }
    }
    return registry.metrics();
  };
  const server = createServer((request, response) => {
    const answer =
      request.url === '/metrics' ? describe() : request.url === '/healthz' ? Promise.resolve('ok\n') : undefined;
    if (answer === undefined) {
      response.writeHead(404).end('there is /metrics and /healthz\n');
      return;
    }
    answer.then(
      (text) => response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4' }).end(text),
      (error: unknown) => response.writeHead(500).end(`${String(error)}\n`),
    );
  });
  await listen(server, port, host);
  const address = server.address();
  const bound = typeof address === 'object' && address !== null ? address.port : port;
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${bound}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function listen(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => reject(new Error(`metrics can't be served on ${host}:${port}: ${error.message}`)));
    server.listen(port, host, () => resolve());
  });
}
