import type { RouteOptions } from './types.ts';

const ROUTE_NAME = /^[A-Za-z0-9_-]{1,100}$/;

/** All that is wrong with the routes, a sentence each. */
export function faultsOfRoutes(routes: readonly RouteOptions[]): string[] {
  const faults: string[] = [];
  const names = new Set<string>();
  if (routes.length === 0) faults.push('there is no route: give at least one, for example with a consoleSink()');
  for (const route of routes) {
    const breaker = typeof route.breaker === 'string' ? undefined : route.breaker;
    const name = String(route.name);
    if (!ROUTE_NAME.test(name)) {
      faults.push(`a route's name is 1 to 100 letters, digits, "-" or "_", and not ${JSON.stringify(route.name)}`);
    }
    if (names.has(name)) faults.push(`two routes have the name ${JSON.stringify(name)}: each needs its own cursor`);
    names.add(name);
    if (route.sinks.length === 0) faults.push(`route ${JSON.stringify(name)} has no sink`);
    for (const [option, value, least] of [
      ['batchLines', route.batchLines, 1],
      ['batchBytes', route.batchBytes, 1],
      ['batchWaitMs', route.batchWaitMs, 0],
      ['concurrency', route.concurrency, 1],
      ['timeoutMs', route.timeoutMs, 1],
      ['maxLinesPerSecond', route.maxLinesPerSecond, Number.MIN_VALUE],
      ['retry.initialMs', route.retry?.initialMs, 0],
      ['retry.maxMs', route.retry?.maxMs, 0],
      ['retry.attempts', route.retry?.attempts, 1],
      ['breaker.failures', breaker?.failures, 1],
      ['breaker.successes', breaker?.successes, 1],
      ['breaker.openMs', breaker?.openMs, 0],
    ] as const) {
      if (value !== undefined && !(Number.isFinite(value) && value >= least)) {
        faults.push(`${option} of route ${JSON.stringify(name)} must be a number from ${least} up, and is ${value}`);
      }
    }
  }
  return faults;
}
