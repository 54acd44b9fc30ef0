/** Puts an engine together: the same in the worker and inline. */
import { dirname, join } from 'node:path';
import { openSpoolReader, registerCursors } from '../spool/index.ts';
import type { SpoolReader } from '../spool/types.ts';
import { Adoption } from './adoption.ts';
import { AlertWebhook } from './alert-webhook.ts';
import { draftAmendment } from './amendment.ts';
import type { Clock } from './clock.ts';
import { DeadLetterFiles } from './dead-letters.ts';
import { Engine, type SpoolSource } from './engine.ts';
import { sinkName } from './make-sink.ts';
import { ReportDesk } from './report-desk.ts';
import { Route } from './route.ts';
import type { Sink, SinkContext } from './sink.ts';
import { SkippedNumbers } from './skipped-numbers.ts';
import { MEMORY_STAGE, SPOOL_STAGE, type Stage, type StageChange, stageOfSink } from './stages.ts';
import type { DeliveryReport, RouteOptions, SinkSpec } from './types.ts';
import type { WorkerSink } from './worker-messages.ts';

export interface EngineOptions {
  readonly spoolRoot: string;
  readonly directory: string;
  readonly openMemoryReader?: ((route: string) => SpoolReader) | undefined;
  readonly clock: Clock;
  readonly alertWebhookUrl?: string | undefined;
  readonly onReport: (report: DeliveryReport) => void;
  readonly onIdle?: (() => void) | undefined;
}

/** A route, and how its sinks are made. */
export interface RoutePlan {
  readonly options: Omit<RouteOptions, 'sinks'>;
  /** The sinks as stages, in their order. */
  readonly stages: readonly Stage[];
  readonly makeSinks: (context: SinkContext) => readonly Sink[];
}

export function deadRootOf(spoolRoot: string): string {
  return join(dirname(spoolRoot), 'dead');
}

/** An engine that also adopts the spools of dead processes. */
export type RunningEngine = Pick<Engine, 'wake' | 'flush' | 'close' | 'stats' | 'replayDeadLetters'> & {
  /** See {@link Delivery.alert}. */
  alert(text: string): void;
};

/** A sink's stage by its description. */
export function stageOfSpec(spec: WorkerSink | SinkSpec): Stage {
  return spec.kind === 'main' ? stageOfSink(spec.name) : stageOfSink(sinkName(spec), spec.name);
}

export function startEngine(options: EngineOptions, plans: readonly RoutePlan[]): RunningEngine {
  const { clock, openMemoryReader, spoolRoot, directory } = options;
  const deadRoot = openMemoryReader === undefined ? deadRootOf(spoolRoot) : undefined;
  const skipped = new SkippedNumbers(openMemoryReader === undefined ? spoolRoot : undefined);
  const desk = new ReportDesk(options.onReport, clock);
  const context: SinkContext = { notice: (code, message) => desk.tellOnce(code, message) };
  const routes = plans.map((plan) => {
    const { name } = plan.options;
    const onTrimmed = (lost: number) =>
      desk.tellOnce(
        'dead_letters_trimmed',
        `the ${lost} oldest dead letters of route ${name} were removed: its folder is full`,
      );
    const deadLetters = deadRoot === undefined ? undefined : new DeadLetterFiles(deadRoot, name, onTrimmed);
    const onStage = (change: StageChange) => void tellStage(name, change);
    const stages = [...plan.stages, openMemoryReader === undefined ? SPOOL_STAGE : MEMORY_STAGE];
    return new Route(plan.options, plan.makeSinks(context), { clock, desk, deadLetters, skipped, stages, onStage });
  });
  const webhook =
    options.alertWebhookUrl === undefined ? undefined : new AlertWebhook(options.alertWebhookUrl, context);
  const tellStage = async (route: string, change: StageChange): Promise<void> => {
    const stats = await engine.stats();
    const waitingBytes = stats.find((of) => of.route === route)?.backlogBytes ?? 0;
    options.onReport({ kind: 'stage', route, ...change, waitingBytes });
  };
  const engine = new Engine({ routes, clock, desk, deadRoot, onIdle: options.onIdle });
  if (openMemoryReader !== undefined) {
    engine.add({ name: 'memory', isOwn: true, openReader: openMemoryReader, end: () => Promise.resolve() });
    return running(engine, webhook);
  }
  const draftLastLine = async (producer: string): Promise<string> => {
    desk.flush();
    const amendment = await draftAmendment(producer, deadRootOf(spoolRoot), await skipped.of(producer));
    skipped.forget(producer);
    return JSON.stringify(amendment);
  };
  engine.add(ownSpool(directory, routes, desk));
  const adoption = new Adoption({
    spoolRoot,
    ownDirectory: directory,
    routes: routes.map((route) => route.name),
    deliver: (spool) => engine.add(spool),
    draftLastLine: routes.some((route) => route.takesLedger) ? draftLastLine : undefined,
    clock,
    desk,
  });
  return running(engine, webhook, adoption);
}

function running(engine: Engine, webhook: AlertWebhook | undefined, adoption?: Adoption): RunningEngine {
  return {
    wake: () => engine.wake(),
    alert: (text) => webhook?.send(text),
    flush: (timeoutMs) => engine.flush(timeoutMs),
    async close(timeoutMs) {
      await adoption?.stop();
      await engine.close(timeoutMs);
      await webhook?.close();
    },
    stats: () => engine.stats(),
    replayDeadLetters: (route, timeoutMs) => engine.replayDeadLetters(route, timeoutMs),
  };
}

function ownSpool(directory: string, routes: readonly Route[], desk: ReportDesk): SpoolSource {
  // All cursors are there before the first of them moves: a segment goes when every cursor has passed it.
  const registered = registerCursors(
    directory,
    routes.map((route) => route.name),
  );
  registered.catch(() => {});
  return {
    name: directory,
    isOwn: true,
    openReader: async (route) => {
      await registered;
      return openSpoolReader({
        directory,
        cursor: route,
        onNotice: ({ code, message }) => desk.tellOnce(code, message),
      });
    },
    end: () => Promise.resolve(),
  };
}
