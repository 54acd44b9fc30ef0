import { BREAKER_PRESET_NAMES } from '../delivery/breaker.ts';
import { faultsOfRoutes } from '../delivery/check-routes.ts';
import { type BreakerSettings, BUILTIN_SINKS, type RouteOptions } from '../delivery/types.ts';
import type { Check } from './check-options.ts';

const ROUTE_KEYS = [
  'name',
  'sinks',
  'batchLines',
  'batchBytes',
  'batchWaitMs',
  'concurrency',
  'timeoutMs',
  'maxLinesPerSecond',
  'retry',
  'breaker',
] as const satisfies readonly (keyof RouteOptions)[];
const RETRY_KEYS = ['initialMs', 'maxMs', 'attempts'] as const satisfies readonly (keyof NonNullable<
  RouteOptions['retry']
>)[];
const BREAKER_KEYS = ['failures', 'successes', 'openMs'] as const satisfies readonly (keyof BreakerSettings)[];

/** What is wrong with the shape is told by `check`; what is wrong with the rest, by the delivery itself. */
export function resolveRoutes(check: Check, value: unknown): readonly RouteOptions[] {
  const routes = check.list('routes', value);
  const shaped = routes.filter((entry, i): entry is RouteOptions => {
    const before = check.faults.length;
    checkRoute(check, `routes[${i}]`, entry);
    return check.faults.length === before;
  });
  // Of a list in which no route has its shape, nothing more can be said.
  if (shaped.length === 0 && (routes.length > 0 || !Array.isArray(value))) return [];
  check.faults.push(...faultsOfRoutes(shaped).map((fault) => `routes: ${fault}`));
  return shaped;
}

function checkRoute(check: Check, at: string, entry: unknown): void {
  const route = check.object(at, entry ?? null, ROUTE_KEYS);
  required(check, `${at}.name`, route.name);
  if (route.sinks === undefined) check.fault(`${at}.sinks`, undefined, 'a list of at least one sink');
  check.list(`${at}.sinks`, route.sinks).forEach((sink, i) => {
    checkSink(check, `${at}.sinks[${i}]`, sink);
  });
  check.object(`${at}.retry`, route.retry, RETRY_KEYS);
  if (typeof route.breaker === 'string') check.oneOf(`${at}.breaker`, route.breaker, BREAKER_PRESET_NAMES);
  else check.object(`${at}.breaker`, route.breaker, BREAKER_KEYS);
}

/** Sinks have keys of their own beside these: a `memorySink` holds its events. */
function checkSink(check: Check, at: string, value: unknown): void {
  const { kind, name, module, sink } = check.record(at, value);
  switch (check.oneOf(`${at}.kind`, kind ?? 'missing', ['builtin', 'module', 'main'])) {
    case 'builtin':
      check.oneOf(`${at}.name`, name ?? 'missing', BUILTIN_SINKS);
      return;
    case 'module':
      required(check, `${at}.name`, name);
      required(check, `${at}.module`, module);
      return;
    case 'main':
      required(check, `${at}.name`, name);
      if (typeof sink !== 'object' || sink === null || !('send' in sink) || typeof sink.send !== 'function') {
        check.fault(`${at}.sink`, sink, 'a sink, which has a function `send`');
      }
  }
}

function required(check: Check, name: string, value: unknown): void {
  if (value === undefined) check.fault(name, value, 'a text that is not empty');
  else check.text(name, value);
}
