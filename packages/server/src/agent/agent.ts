/** The agent's composition root: files → own spool → routes, and the spools of applications → routes. */
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type DeliveryReport, deadRootOf, OWN_FAILURE_REASON, readDeadLetters, startDelivery } from 'tailrace/delivery';
import { parseEventId } from 'tailrace/event';
import { type Intervals, SequenceSet } from 'tailrace/ledger';
import { createRedactor } from 'tailrace/redaction';
import { createPolicy } from 'tailrace/sampling';
import { createSerialiser } from 'tailrace/serialise';
import { findOrphans, makeSpoolFolder } from 'tailrace/spool';
import type { AgentConfig } from './agent-config.ts';
import { enterLoss } from './file-account.ts';
import { FileHints } from './file-hints.ts';
import { FileRegistry } from './file-registry.ts';
import { FileShipper } from './file-shipper.ts';
import { OwnSpool } from './own-spool.ts';
import { isKeepingAll, type RecordingParts } from './record-entry.ts';
import { replayLine } from './replay-line.ts';
import { carrySpools, type SpoolCarrier } from './spool-carrier.ts';
import { type AgentStatus, serveMetrics, writeStatus } from './status.ts';

export interface AgentParts {
  readonly config: AgentConfig;
  /** Reads what is there, delivers it, and ends. */
  readonly once: boolean;
  /** With `once`: how long delivery may take. */
  readonly flushMs: number;
  readonly say: (level: 'info' | 'warn', message: string) => void;
}

export interface Agent {
  /** Where the metrics are served, where they are. */
  readonly metricsUrl: string | undefined;
  /** Runs until the signal, or with `once` until all is read. @returns true where everything that was read is delivered. */
  run(signal: AbortSignal): Promise<boolean>;
  status(): Promise<AgentStatus>;
}

const STATUS_MS = 5_000;
const CLOSE_MS = 5_000;
const FAULT_MS = 5_000;
/** With `once`, a file that is gone is sought no longer than this. */
const ONCE_SEEK_MS = 3_000;

/** @throws Error where the data folder can't be used, or belongs to another agent. */
export async function startAgent({ config, once, flushMs, say }: AgentParts): Promise<Agent> {
  const startedMs = Date.now();
  const spoolRoot = join(config.dataDir, 'spool');
  const directory = join(spoolRoot, 'agent');
  makeSpoolFolder(directory);
  const registry = new FileRegistry(config.dataDir);
  const onNotice = (_code: string, message: string) => say('warn', message);
  const spool = await OwnSpool.open(
    {
      directory,
      ...config.spool,
      routes: config.routes.map(({ name }) => name),
      onNotice: ({ code, message }) => onNotice(code, message),
    },
    registry.spoolPosition,
    (line) => replayLine(registry, line),
  );
  await findDead(registry, deadRootOf(spoolRoot), config.routes);
  const limits = { ...config, seekMs: once ? Math.min(ONCE_SEEK_MS, config.seekMs) : config.seekMs };
  const shipper = new FileShipper({
    registry,
    spool,
    inputs: config.inputs,
    recording: recordingOf(config),
    limits,
    onNotice,
  });
  const delivery = startDelivery({
    spoolRoot,
    directory,
    routes: config.routes,
    onReport: (report) => noteReport(report),
  });
  const carriers = config.spools.flatMap((dataDir) => carry(dataDir));

  function carry(dataDir: string): SpoolCarrier[] {
    try {
      return [carrySpools(dataDir, config.routes, (report) => tellReport(report))];
    } catch (error) {
      say(
        'warn',
        `the spools in ${dataDir} can't be delivered: ${error instanceof Error ? error.message : String(error)}`,
      );
      return [];
    }
  }

  function tellReport(report: DeliveryReport): void {
    if (report.kind === 'notice') say('warn', report.message);
    if (report.kind === 'handler_error')
      say('warn', `sink ${report.sink} of route ${report.route}: ${report.error.message}`);
    if (report.kind === 'stage') {
      const { route, from, to, waitingBytes } = report;
      say(
        'warn',
        `route ${route} went from ${from.stage} (${from.name}) to ${to.stage} (${to.name}); ${waitingBytes} bytes wait`,
      );
    }
    if (report.kind === 'dead') say('warn', `${report.count} events became dead letters of route ${report.route}`);
  }

  function noteReport(report: DeliveryReport): void {
    tellReport(report);
    if (report.kind === 'dead') noteLoss('dead', report.route, report);
    if (report.kind === 'skipped') noteLoss('dropped', OWN_FAILURE_REASON, report);
  }

  function noteLoss(
    kind: 'dead' | 'dropped',
    name: string,
    loss: { readonly producer: string | undefined; readonly count: number; readonly sequences: Intervals },
  ): void {
    const file = loss.producer === undefined ? undefined : registry.get(loss.producer);
    if (file === undefined) return;
    enterLoss(file.account, kind, name, { count: loss.count, sequences: loss.sequences }, true);
    shipper.noteChanged(file.producer, Date.now());
  }

  async function status(): Promise<AgentStatus> {
    const files = { live: 0, rotated: 0, sought: 0, done: 0 };
    let unreadBytes = 0;
    for (const file of registry.files) {
      files[file.state] += 1;
      if (file.state !== 'done') unreadBytes += Math.max(0, file.size - file.position);
    }
    const { bytes, segments } = spool.stats();
    return {
      version: 1,
      pid: process.pid,
      startedMs,
      writtenMs: Date.now(),
      intervalMs: STATUS_MS,
      isEnded,
      files,
      unreadBytes,
      unreadable: [...shipper.unreadable].slice(0, 100).map(([path, reason]) => ({ path, reason })),
      counts: { ...shipper.counts },
      isBlocked: spool.isFull,
      spool: { bytes, segments },
      delivery: finalDelivery ?? (await deliveryStats()),
    };
  }

  async function deliveryStats(): Promise<AgentStatus['delivery']> {
    const all = [{ dataDir: config.dataDir, delivery }, ...carriers];
    return Promise.all(all.map(async (one) => ({ dataDir: one.dataDir, routes: await one.delivery.stats() })));
  }

  async function saveStatus(): Promise<void> {
    try {
      writeStatus(config.dataDir, await status());
    } catch (error) {
      say('warn', `the status file can't be written: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  const metrics =
    config.metricsPort === undefined ? undefined : await serveMetrics(config.metricsPort, config.metricsHost, status);
  let statusMs = Number.NEGATIVE_INFINITY;
  let isEnded = false;
  /** Once delivery is closed, nobody is left to ask. */
  let finalDelivery: AgentStatus['delivery'] | undefined;

  return {
    metricsUrl: metrics?.url,
    status,
    async run(signal) {
      const wakes = new Wakes(signal);
      const hints = new FileHints(() => wakes.hint());
      while (!signal.aborted) {
        const isHinted = wakes.takeHint() || once;
        const hasMore = await turn(isHinted, signal);
        delivery.wake();
        if (Date.now() - statusMs >= STATUS_MS) {
          statusMs = Date.now();
          hints.follow(livePaths(registry));
          await saveStatus();
        }
        if (once && !hasMore && shipper.isCaughtUp()) break;
        // A turn of reading never blocks the timers for long.
        if (hasMore) await sleep(0);
        else await wakes.wait(config.pollMs);
      }
      hints.close();
      await shipper.close(Date.now());
      delivery.wake();
      const isDelivered = await flushAll(once ? flushMs : CLOSE_MS);
      isEnded = true;
      await saveStatus();
      await metrics?.close();
      return isDelivered;
    },
  };

  /** A fault of our own must not end the agent: what it did not get to is read in the next turn. */
  async function turn(isHinted: boolean, signal: AbortSignal): Promise<boolean> {
    try {
      return await shipper.turn(Date.now(), isHinted, signal);
    } catch (error) {
      if (once) throw error;
      say(
        'warn',
        `reading failed, and is tried again: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
      );
      await sleep(FAULT_MS);
      return false;
    }
  }

  async function flushAll(timeoutMs: number): Promise<boolean> {
    const isFlushed = await delivery.flush(timeoutMs);
    const isDelivered = isFlushed && (!once || (await waitForCarriers(carriers, timeoutMs)));
    // What delivery reported meanwhile goes into the accounts.
    await shipper.close(Date.now());
    finalDelivery = await deliveryStats();
    await delivery.close(isFlushed ? CLOSE_MS : 0);
    await Promise.all(carriers.map((carrier) => carrier.close(once ? timeoutMs : CLOSE_MS)));
    await spool.close();
    return isDelivered;
  }
}

/** Dead letters of files are counted from the folders where they lie: a report of them may have died with its process. */
async function findDead(registry: FileRegistry, deadRoot: string, routes: AgentConfig['routes']): Promise<void> {
  for (const { name } of routes) {
    const found = new Map<string, SequenceSet>();
    for await (const { line } of readDeadLetters(deadRoot, name)) {
      const id = parseEventId(/"event_id":"([^"]{1,60})"/.exec(line.toString('utf8', 0, 256))?.[1] ?? '');
      if (id === undefined || registry.get(id.producer) === undefined) continue;
      const numbers = found.get(id.producer) ?? new SequenceSet();
      found.set(id.producer, numbers);
      numbers.add(id.sequence);
    }
    for (const [producer, numbers] of found) {
      const file = registry.get(producer);
      const loss = { count: numbers.size, sequences: numbers.intervals() };
      if (file !== undefined) enterLoss(file.account, 'dead', name, loss, false);
    }
  }
}

/** Waits until no spool is left that a dead process owned, and all that was adopted is delivered. */
async function waitForCarriers(carriers: readonly SpoolCarrier[], timeoutMs: number): Promise<boolean> {
  const endMs = Date.now() + timeoutMs;
  for (const { dataDir, delivery } of carriers) {
    for (let quiet = 0; quiet < 2; ) {
      if (Date.now() > endMs) return false;
      await sleep(200);
      const orphans = await findOrphans(join(dataDir, 'spool'));
      const stats = await delivery.stats();
      const isEmpty = stats.every(({ backlogBytes, batchesUnderWay }) => backlogBytes === 0 && batchesUnderWay === 0);
      quiet = isEmpty && orphans.length === 0 ? quiet + 1 : 0;
    }
  }
  return true;
}

function* livePaths(registry: FileRegistry): Generator<string> {
  for (const file of registry.files) if (file.state === 'live') yield file.path;
}

function recordingOf({ library }: AgentConfig): RecordingParts {
  const { sampling, redaction, limits } = library;
  const redactor = redaction === false ? undefined : createRedactor(redaction);
  return {
    policy: createPolicy({ ...sampling, onRuleFault: () => {} }),
    keepsAll: isKeepingAll(sampling),
    serialiser: createSerialiser({ limits, redactor, includeStack: true }),
    host: hostname(),
    now: Date.now,
  };
}

/** Waits between two turns; a hint or the end of the agent cuts the wait short. */
class Wakes {
  readonly #signal: AbortSignal;
  #isHinted = true;
  #wake: () => void = () => {};

  constructor(signal: AbortSignal) {
    this.#signal = signal;
    signal.addEventListener('abort', () => this.#wake());
  }

  hint(): void {
    this.#isHinted = true;
    this.#wake();
  }

  takeHint(): boolean {
    const isHinted = this.#isHinted;
    this.#isHinted = false;
    return isHinted;
  }

  wait(ms: number): Promise<void> {
    if (this.#isHinted || this.#signal.aborted) return sleep(Math.min(ms, 100));
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
