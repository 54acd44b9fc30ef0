import { readdirSync, rmdirSync, rmSync, unlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { assembleTailrace, type StartedDelivery } from './assemble.ts';
import { type ResolvedOptions, resolveOptions } from './configuration/resolve-options.ts';
import { createClock } from './delivery/clock.ts';
import { startDelivery } from './delivery/delivery.ts';
import type { DeliveryReport } from './delivery/types.ts';
import { createProducerId } from './event.ts';
import { Ledger, type LedgerLine } from './ledger/index.ts';
import type { Logger } from './logger/logger.ts';
import { Notices } from './metrics/notices.ts';
import { SpoolStages } from './metrics/spool-stages.ts';
import type { TailraceStats } from './metrics/stats.ts';
import type { TailraceOptions } from './options.ts';
import type { Explanation } from './sampling/index.ts';
import type { Scope, ScopeFields, StepOptions } from './scope/scope.ts';
import { claimSpool, type SpoolClaim } from './spool/lock.ts';
import { makeSpoolFolder } from './spool/make-folder.ts';
import { type MemorySpool, openMemorySpool } from './spool/memory.ts';
import { removeSpool } from './spool/orphans.ts';
import type { Spool } from './spool/types.ts';
import { openSpool } from './spool/writer.ts';

type Fields = Readonly<Record<string, unknown>>;

/** What an application holds: scopes, a logger, and the end of both. No method throws, except that it passes on what the application's own functions throw. */
export interface Tailrace {
  /** This process in the ledger, and the first part of its event ids. */
  readonly producer: string;
  /** The logger; `log.child(topic)` for a part of the program. */
  readonly log: Logger;
  /** A logger for a topic. */
  child(topic: string): Logger;
  /**
   * Runs one unit of work in a scope of its own, and writes its event when it ends. The result of `fn` is the result; an
   * error is recorded and goes on to the caller. Inside another scope, the new one is linked to it by its parent ids.
   *
   * @example
   * ```ts
   * await tailrace.run({ route: '/payments', method: 'POST' }, async () => {
   *   tailrace.set({ 'user.id': user.id });
   *   await tailrace.step('charge', { service: 'gateway' }, () => charge(card));
   * });
   * ```
   */
  run<T>(fields: ScopeFields, fn: () => T): T;
  /** As `run`, for work that outlives the request that started it: a second event with the parent's trace. */
  fork<T>(fields: ScopeFields, fn: () => T): T;
  /** Opens a scope that is ended by `scope.end()`: for frameworks in which a request ends elsewhere than it began. */
  startScope(fields: ScopeFields): Scope;
  /** The scope that the calling code runs in. */
  scope(): Scope | undefined;
  /** Adds fields to the current scope. Outside of one it is counted, and told once. */
  set(fields: Fields): void;
  /** Records an error in the current scope; outside of one it becomes a log line. */
  error(error: unknown, fields?: Fields): void;
  /** Adds to a counter of the current scope. */
  count(name: string, by?: number): void;
  /** Times `fn` as a step of the current scope. */
  step<T>(name: string, fn: () => T): T;
  step<T>(name: string, options: StepOptions, fn: () => T): T;
  /** The headers that carry the current scope's trace to a callee: traceparent, tracestate, x-request-id. */
  outgoingHeaders(): Record<string, string>;
  /** Reads a callee's response headers: where it kept its event for a rule, the current scope's event is kept too. */
  noteResponse(headers: Headers | Fields): void;
  /** `fetch` with `outgoingHeaders` and `noteResponse`. */
  fetch(input: string | URL | Request, init?: RequestInit): Promise<Response>;
  /** Which rule would decide on such an event now, and why. Nothing is written or counted. */
  explain(event: Fields): Explanation;
  /** The account of this process so far. */
  ledger(): LedgerLine;
  stats(): Promise<TailraceStats>;
  /**
   * Puts everything on disk, then waits until it is delivered.
   *
   * @param timeoutMs - @defaultValue 5000
   * @returns false where the time was over first; what is left stays in the spool.
   */
  flush(timeoutMs?: number): Promise<boolean>;
  /** Delivers until the time is over, then closes. What is left stays in the spool. @param timeoutMs - @defaultValue 5000 */
  close(timeoutMs?: number): Promise<void>;
}

/**
 * Starts Tailrace: reads options and environment once, opens the spool, and starts the delivery.
 *
 * @throws TailraceConfigError with all faults of the configuration at once.
 *
 * @example
 * ```ts
 * const tailrace = createTailrace({ service: 'shop', sampling: { criticalRoutes: ['POST /payments/**'] } });
 * ```
 */
export function createTailrace(options: TailraceOptions = {}): Tailrace {
  const resolved = resolveOptions(options, process.env, process.cwd());
  const notices = new Notices(resolved.onNotice);
  const startedMs = Date.now();
  const producer = createProducerId(startedMs, Math.random);
  const ledger = new Ledger({ producer, service: resolved.service, host: hostname(), pid: process.pid, startedMs });
  const spoolRoot = join(resolved.dataDir, 'spool');
  const opened = openSpoolFor(resolved, join(spoolRoot, producer), ledger, notices);

  const tailrace = assembleTailrace({
    options: resolved,
    producer,
    ledger,
    notices,
    spool: opened.spool,
    isSpoolInMemory: opened.memory !== undefined,
    ...(opened.stages !== undefined && { spoolStages: opened.stages }),
    ...(opened.claim !== undefined && { discardSpool: () => removeFolderNow(opened.spool.directory) }),
    startDelivery: (onReport) => startDeliveryFor(resolved, spoolRoot, opened, onReport),
  });
  let closing: Promise<void> | undefined;
  return {
    ...tailrace,
    close(timeoutMs) {
      closing ??= tailrace.close(timeoutMs).then(() => giveBackFolder(opened));
      return closing;
    },
  };
}

/** The folder goes where everything in it is delivered; else the next process adopts it, at once. */
async function giveBackFolder({ spool, claim }: OpenedSpool): Promise<void> {
  if (claim === undefined) return;
  await removeSpool(spool.directory).catch(() => false);
  claim.release();
}

/**
 * Removes a folder in which everything is delivered, while the process exits and nothing can be waited for. Without it
 * each run of a short-lived program would leave one. A file that isn't the spool's stays, and the folder with it.
 */
function removeFolderNow(directory: string): void {
  try {
    const names = readdirSync(directory);
    for (const name of names) if (name.endsWith('.ndjson')) unlinkSync(join(directory, name));
    rmSync(join(directory, 'cursors'), { recursive: true, force: true });
    for (const name of names) if (name.startsWith('lock')) unlinkSync(join(directory, name));
    rmdirSync(directory);
  } catch {
    // What is left is adopted by the next process.
  }
}

interface OpenedSpool {
  readonly spool: Spool;
  readonly stages?: SpoolStages;
  /** Keeps other processes from adopting the folder while this one lives. */
  readonly claim?: SpoolClaim;
  readonly memory: MemorySpool | undefined;
}

function openSpoolFor(options: ResolvedOptions, directory: string, ledger: Ledger, notices: Notices): OpenedSpool {
  const callbacks = {
    onNotice: ({ code, message }: { readonly code: string; readonly message: string }) => notices.tell(code, message),
    onDrop: (sequence: number, reason: string) => {
      if (sequence > 0) ledger.enterDropped(sequence, reason);
    },
  };
  const settings = options.spool;
  if (settings !== 'memory' && canMakeFolder(directory, notices)) {
    const stages = new SpoolStages(createClock(true));
    const onNotice: typeof callbacks.onNotice = (notice) => {
      callbacks.onNotice(notice);
      stages.hear(notice.code);
    };
    const spool = openSpool({ directory, ...settings, ...callbacks, onNotice });
    const outcome = claimSpool(directory, { onNotice: callbacks.onNotice });
    return { spool, stages, memory: undefined, ...(outcome.kind !== 'held' && { claim: outcome.claim }) };
  }
  const bytes = settings === 'memory' ? undefined : settings.memoryBytes;
  const memory = openMemorySpool({ ...(bytes === undefined ? {} : { maxBytes: bytes }), ...callbacks });
  return { spool: memory.spool, memory };
}

/**
 * Delivery reads from the disk, so a spool that waits for a disk which never comes would deliver nothing. Where not even
 * the folder can be made, memory is the better place from the start.
 */
function canMakeFolder(directory: string, notices: Notices): boolean {
  try {
    makeSpoolFolder(directory);
    return true;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    notices.tell(
      'spool_in_memory',
      `the spool's folder can't be made (${reason}). Events are delivered from memory instead, on the main thread: what ` +
        'is not delivered when the process ends is lost, and dead letters are only counted. Name a folder that the ' +
        "process may write to (dataDir, or TAILRACE_DATA_DIR), or say spool: 'memory' where there is none",
    );
    return false;
  }
}

function startDeliveryFor(
  options: ResolvedOptions,
  spoolRoot: string,
  { spool, memory }: OpenedSpool,
  onReport: (report: DeliveryReport) => void,
): StartedDelivery {
  return startDelivery({
    spoolRoot,
    directory: spool.directory,
    routes: options.routes,
    ...(memory === undefined ? {} : { mode: 'inline', openMemoryReader: memory.openReader }),
    alertWebhookUrl: options.alertWebhookUrl,
    onReport,
  });
}
