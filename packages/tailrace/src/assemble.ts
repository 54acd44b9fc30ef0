import { AsyncLocalStorage } from 'node:async_hooks';
import { hostname } from 'node:os';
import type { ResolvedOptions } from './configuration/resolve-options.ts';
import type { Delivery, DeliveryReport } from './delivery/types.ts';
import type { Ledger } from './ledger/index.ts';
import { Line } from './logger/line.ts';
import { createLogger, Levels } from './logger/logger.ts';
import { Counters } from './metrics/counters.ts';
import { createReportReader } from './metrics/delivery-reports.ts';
import { createFallbackAlerts } from './metrics/fallback-alerts.ts';
import type { Notices } from './metrics/notices.ts';
import { fillOf } from './metrics/spool-fill.ts';
import type { SpoolStages } from './metrics/spool-stages.ts';
import { type EndingInstance, UnfinishedError, unwatchProcessEnd, watchProcessEnd } from './process-end/process-end.ts';
import { createLedgerWriter } from './recording/ledger-writer.ts';
import { createOwnLines } from './recording/own-lines.ts';
import { createRecorder } from './recording/recorder.ts';
import { createRedactor } from './redaction/index.ts';
import { createPolicy, subjectOfEvent } from './sampling/index.ts';
import { MISUSE, type MisuseCode } from './scope/misuse.ts';
import { OpenScopes } from './scope/open-scopes.ts';
import type { Frame, ScopeHost } from './scope/scope.ts';
import { createScopeCalls } from './scope/scope-calls.ts';
import { createSerialiser } from './serialise/index.ts';
import type { Spool } from './spool/types.ts';
import type { Tailrace } from './tailrace.ts';

/** What of a delivery is needed here. */
export type StartedDelivery = Pick<Delivery, 'wake' | 'alert' | 'flush' | 'close' | 'stats'>;

export interface TailraceParts {
  readonly options: ResolvedOptions;
  readonly producer: string;
  readonly ledger: Ledger;
  readonly notices: Notices;
  readonly spool: Spool;
  /** True for a spool without a disk. */
  readonly isSpoolInMemory: boolean;
  /** Removes a spool that is closed and delivered, at once. */
  readonly discardSpool?: () => void;
  readonly spoolStages?: SpoolStages;
  readonly startDelivery: (onReport: (report: DeliveryReport) => void) => StartedDelivery;
}

/** How often the ledger is written and the pressure is read. */
const HEARTBEAT_MS = 1_000;
const DEFAULT_TIMEOUT_MS = 5_000;

/** Puts the parts together to what an application holds. */
export function assembleTailrace(parts: TailraceParts): Tailrace {
  const { options, producer, ledger, notices, spool } = parts;
  const storage = new AsyncLocalStorage<Frame>();
  const misuse = new Counters();
  const ruleFaults = new Counters();
  const openScopes = new OpenScopes();
  const base: Record<string, unknown> = {
    service: options.service,
    version: options.version,
    environment: options.environment,
    host: hostname(),
  };

  const redactor = options.redaction === false ? undefined : createRedactor(options.redaction);
  const serialiser = createSerialiser({ limits: options.limits, redactor, includeStack: options.includeStack });
  const policy = createPolicy({
    ...options.sampling,
    onRuleFault: (rule, error) => {
      ruleFaults.add(rule);
      const reason = error instanceof Error ? error.message : String(error);
      notices.tellOnce(
        `rule_${rule}`,
        `the condition of the sampling rule ${rule} threw, and so doesn't match: ${reason}`,
      );
    },
  });
  const recorder = createRecorder({ producer, policy, ledger, serialiser, spool, now: Date.now, onAppend, onFault });

  let isWakeDue = false;
  let isClosed = false;
  let deliveredChanges = 0;
  let isSettled = false;

  function onAppend(): void {
    if (isWakeDue) return;
    isWakeDue = true;
    // After the spool's own write at the end of this turn.
    setImmediate(wake);
  }

  function onFault(error: unknown): void {
    const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
    notices.tellOnce('internal_fault', `a fault inside Tailrace cost an event, please report it: ${reason}`);
  }

  function wake(): void {
    isWakeDue = false;
    delivery.wake();
  }

  const host: ScopeHost = {
    storage,
    base,
    describeError: serialiser.describeError,
    quoteName: serialiser.quoteName,
    decide: (scope) => policy.decide(scope),
    finish(scope) {
      openScopes.delete(scope);
      recorder.recordScope(scope);
    },
    misuse: note,
  };

  function note(code: MisuseCode): void {
    misuse.add(code);
    notices.tellOnce(code, MISUSE[code]);
  }

  const levels = new Levels(options.level);
  const log = createLogger((level, message, topic, context, bound) => {
    const frame = storage.getStore();
    if (frame !== undefined) {
      frame.scope.noteLine(level);
      if (recorder.leaveOutLine(level, frame)) return;
    }
    recorder.recordLine(new Line(lineHost, frame, level, message, topic, context, bound));
  }, levels);
  const lineHost = { service: options.service, base, describeError: serialiser.describeError };

  const calls = createScopeCalls({
    host,
    service: options.service,
    followCaller: options.sampling.followCaller,
    policy,
    log,
    onOpen: (scope) => openScopes.add(scope),
  });

  const record = createOwnLines(recorder, lineHost);

  const tellFallback = createFallbackAlerts({
    service: options.service,
    host: hostname(),
    notices,
    record,
    post: (text) => delivery.alert(text),
    now: Date.now,
  });
  const onReport = createReportReader({
    producer,
    ledger,
    notices,
    tellFallback,
    recordError: (message, topic, fields) => record('error', message, topic, fields),
  });
  const delivery = parts.startDelivery(onReport);
  parts.spoolStages?.listen((change) => {
    tellFallback({ route: undefined, ...change, waitingBytes: spool.stats().waitingBytes });
  });

  const ledgerWriter = createLedgerWriter(ledger, spool, onAppend);

  const heartbeat = setInterval(() => {
    ledgerWriter.write(false);
    if (policy.adapt(fillOf(spool, parts.isSpoolInMemory, options.spool === 'memory' ? {} : options.spool))) {
      notices.tell('pressure', `normal events are kept at rate ${policy.normalRate()}, as the spool fills or empties`);
    }
  }, HEARTBEAT_MS);
  heartbeat.unref();

  const ending: EndingInstance = {
    writeNow: () => {
      ledgerWriter.write(false);
      spool.flush();
    },
    recordFatal(error, origin) {
      storage.getStore()?.scope.error(error);
      log.fatal(
        origin === 'unhandledRejection' ? 'unhandled rejection' : 'uncaught exception',
        'process',
        error instanceof Error ? error : { error },
      );
      spool.flush();
    },
    hasNews: () => deliveredChanges !== ledger.changes,
    async deliver(timeoutMs) {
      // Most likely the last word. Should the process live on, its next line takes it back.
      ledgerWriter.write(true);
      deliveredChanges = ledger.changes;
      isSettled = await tailrace.flush(timeoutMs);
      return isSettled;
    },
    closeNow(reason) {
      if (isClosed) return;
      isClosed = true;
      for (const scope of openScopes.list()) {
        if (!scope.hasError) scope.error(new UnfinishedError(reason));
        scope.end();
      }
      const isDelivered = isSettled && deliveredChanges === ledger.changes;
      if (!isDelivered) ledgerWriter.write(true);
      spool.close();
      if (isDelivered) parts.discardSpool?.();
    },
  };
  if (options.handleExit) watchProcessEnd(ending);

  const tailrace: Tailrace = {
    producer,
    log,
    child: (topic) => log.child(topic),
    ...calls,
    explain: (event) => policy.explain(subjectOfEvent(event, options.service)),
    ledger: () => ledger.line(Date.now(), isClosed),
    async stats() {
      return {
        ledger: ledger.line(Date.now(), isClosed),
        sampledOut: ledger.sampledOut(),
        normalRate: policy.normalRate(),
        openScopes: openScopes.size,
        misuse: misuse.values(),
        ruleFaults: ruleFaults.values(),
        spool: spool.stats(),
        serialiser: serialiser.counts(),
        redacted: redactor?.counts() ?? {},
        routes: await delivery.stats(),
      };
    },
    async flush(timeoutMs = DEFAULT_TIMEOUT_MS) {
      ledgerWriter.write(false);
      spool.flush();
      return delivery.flush(timeoutMs);
    },
    async close(timeoutMs = DEFAULT_TIMEOUT_MS) {
      if (isClosed) return;
      isClosed = true;
      clearInterval(heartbeat);
      parts.spoolStages?.stop();
      unwatchProcessEnd(ending);
      ledgerWriter.write(true);
      spool.flush();
      await delivery.close(timeoutMs);
      // What the delivery reported on its way out: for whoever adopts this spool.
      if (ledgerWriter.isBehind) ledgerWriter.write(true);
      spool.close();
    },
  };
  return tailrace;
}
