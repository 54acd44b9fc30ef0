/** Puts an engine together: the same in the worker and inline. */
import { dirname, join } from 'node:path';
import { openSpoolReader, registerCursors } from '../spool/index.ts';
import type { SpoolReader } from '../spool/types.ts';
import type { Clock } from './clock.ts';
import { DeadLetterFiles } from './dead-letters.ts';
import { Engine, type SpoolSource } from './engine.ts';
import { ReportDesk } from './report-desk.ts';
import { Route } from './route.ts';
import type { Sink, SinkContext } from './sink.ts';
import type { DeliveryReport, RouteOptions } from './types.ts';

export interface EngineOptions {
  readonly spoolRoot: string;
  readonly directory: string;
  readonly openMemoryReader?: ((route: string) => SpoolReader) | undefined;
  readonly clock: Clock;
  readonly onReport: (report: DeliveryReport) => void;
  readonly onIdle?: (() => void) | undefined;
}

/** A route, and how its sinks are made. */
export interface RoutePlan {
  readonly options: Omit<RouteOptions, 'sinks'>;
  readonly makeSinks: (context: SinkContext) => readonly Sink[];
}

export function deadRootOf(spoolRoot: string): string {
  return join(dirname(spoolRoot), 'dead');
}

export function startEngine(options: EngineOptions, plans: readonly RoutePlan[]): Engine {
  const { clock, openMemoryReader } = options;
  const desk = new ReportDesk(options.onReport, clock);
  const context: SinkContext = { notice: (code, message) => desk.tellOnce(code, message) };
  const routes = plans.map((plan) => {
    const { name } = plan.options;
    const onTrimmed = (lost: number) =>
      desk.tellOnce(
        'dead_letters_trimmed',
        `the ${lost} oldest dead letters of route ${name} were removed: its folder is full`,
      );
    const deadLetters =
      openMemoryReader === undefined ? new DeadLetterFiles(deadRootOf(options.spoolRoot), name, onTrimmed) : undefined;
    return new Route(plan.options, plan.makeSinks(context), { clock, desk, deadLetters });
  });
  const engine = new Engine({ routes, clock, desk, onIdle: options.onIdle });
  engine.add(
    openMemoryReader === undefined
      ? ownSpool(options.directory, routes, desk)
      : { name: 'memory', isOwn: true, openReader: openMemoryReader, end: () => Promise.resolve() },
  );
  return engine;
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
