import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { RouteOptions } from '../delivery/types.ts';
import type { Level } from '../event.ts';
import type {
  EventLimits,
  Notice,
  RedactionOptions,
  SamplingOptions,
  SamplingRule,
  SpoolSettings,
  TailraceOptions,
} from '../options.ts';
import { BUILTIN_RULES } from '../sampling/index.ts';
import { SMALLEST_LIMITS } from '../serialise/index.ts';
import { Check } from './check-options.ts';
import { resolveAlertWebhook, resolveServer, routeOfEnvironment } from './environment-routes.ts';
import { resolveRedaction } from './resolve-redaction.ts';
import { resolveRoutes } from './resolve-routes.ts';
import { type Environment, nonEmpty, numberOf } from './variables.ts';

/**
 * Options and environment, checked and completed. All faults are found before one of them is thrown, so that a broken
 * configuration costs one start and not five.
 */
export interface ResolvedOptions {
  readonly service: string;
  readonly version: string | undefined;
  readonly environment: string;
  readonly dataDir: string;
  readonly sampling: Required<SamplingOptions>;
  readonly redaction: RedactionOptions | false;
  readonly limits: Partial<EventLimits>;
  readonly spool: SpoolSettings | 'memory';
  readonly routes: readonly RouteOptions[];
  readonly alertWebhookUrl: string | undefined;
  readonly includeStack: boolean;
  readonly level: Level;
  readonly handleExit: boolean;
  readonly onNotice: ((notice: Notice) => void) | undefined;
}

/** A configuration that can't be used. The message names every fault, and what is accepted instead. */
export class TailraceConfigError extends Error {
  override readonly name = 'TailraceConfigError';
  readonly code = 'TAILRACE_CONFIG';
  readonly faults: readonly string[];

  constructor(faults: readonly string[]) {
    super(`Tailrace can't start with this configuration:\n${faults.map((fault) => `  - ${fault}`).join('\n')}`);
    this.faults = faults;
  }
}

const OPTION_KEYS = [
  'service',
  'version',
  'environment',
  'dataDir',
  'sampling',
  'redaction',
  'limits',
  'spool',
  'routes',
  'alertWebhookUrl',
  'includeStack',
  'level',
  'handleExit',
  'onNotice',
] as const satisfies readonly (keyof TailraceOptions)[];
const SAMPLING_KEYS = [
  'normalRate',
  'slowThresholdMs',
  'criticalRoutes',
  'rules',
  'lineRate',
  'followCaller',
] as const satisfies readonly (keyof SamplingOptions)[];
const RULE_KEYS = [
  'name',
  'rate',
  'urgent',
  'level',
  'topic',
  'route',
  'service',
  'when',
] as const satisfies readonly (keyof SamplingRule)[];
const LIMIT_KEYS = [
  'depth',
  'keys',
  'items',
  'stringLength',
  'eventBytes',
] as const satisfies readonly (keyof EventLimits)[];
const SPOOL_KEYS = [
  'maxBytes',
  'reserveBytes',
  'segmentBytes',
  'fsync',
  'memoryBytes',
] as const satisfies readonly (keyof SpoolSettings)[];

/** Sizes in bytes, and what each must be at least. */
const SPOOL_SIZES = [
  ['maxBytes', 1],
  ['reserveBytes', 0],
  ['segmentBytes', 1],
  ['memoryBytes', 0],
] as const;
const DEFAULT_SPOOL_BYTES = 1024 * 1024 * 1024;
/** Node makes a longer one run at once. */
const LONGEST_TIMER_MS = 2_147_483_647;

const RULE_NAME = /^[A-Za-z][A-Za-z0-9_.-]{0,63}$/;

/** @throws TailraceConfigError naming every fault. */
export function resolveOptions(options: TailraceOptions, env: Environment, cwd: string): ResolvedOptions {
  const check = new Check();
  const given = check.object('options', options, OPTION_KEYS);
  const manifest = readManifest(cwd);
  const environment = check.text('environment', given.environment) ?? nonEmpty(env.NODE_ENV) ?? 'development';
  const resolved: ResolvedOptions = {
    service: check.text('service', given.service) ?? nonEmpty(env.SERVICE_NAME) ?? manifest.name ?? 'unknown_service',
    version: check.text('version', given.version) ?? manifest.version,
    environment,
    dataDir: resolve(cwd, check.text('dataDir', given.dataDir) ?? nonEmpty(env.TAILRACE_DATA_DIR) ?? 'tailrace-data'),
    sampling: resolveSampling(check, given.sampling, env),
    redaction: resolveRedaction(check, given.redaction),
    limits: resolveLimits(check, given.limits),
    spool: resolveSpool(check, given.spool),
    routes: routesOf(check, given.routes, env, cwd),
    alertWebhookUrl: resolveAlertWebhook(check, given.alertWebhookUrl, env),
    includeStack: check.flag('includeStack', given.includeStack) ?? environment !== 'production',
    level:
      check.level('level', given.level) ?? check.level('LOG_LEVEL', nonEmpty(env.LOG_LEVEL)?.toLowerCase()) ?? 'info',
    handleExit: check.flag('handleExit', given.handleExit) ?? true,
    onNotice: check.callback('onNotice', options?.onNotice),
  };
  if (check.faults.length > 0) throw new TailraceConfigError(check.faults);
  return resolved;
}

/** Routes in code win over those of the environment. */
function routesOf(check: Check, given: unknown, env: Environment, cwd: string): readonly RouteOptions[] {
  if (given === undefined) return [routeOfEnvironment(check, env, cwd)];
  resolveServer(check, env);
  return resolveRoutes(check, given);
}

function resolveSampling(check: Check, value: unknown, env: Environment): Required<SamplingOptions> {
  const given = check.object('sampling', value, SAMPLING_KEYS);
  const fromEnv = nonEmpty(env.LOG_CRITICAL_ROUTES)
    ?.split(',')
    .map((route) => route.trim())
    .filter((route) => route !== '');
  return {
    normalRate:
      check.rate('sampling.normalRate', given.normalRate) ??
      check.rate('LOG_SAMPLING_NORMAL_RATE', numberOf(env.LOG_SAMPLING_NORMAL_RATE)) ??
      0.01,
    lineRate: check.rate('sampling.lineRate', given.lineRate) ?? 1,
    slowThresholdMs:
      check.number('sampling.slowThresholdMs', given.slowThresholdMs, 0, Number.MAX_VALUE) ??
      check.number('LOG_SLOW_THRESHOLD_MS', numberOf(env.LOG_SLOW_THRESHOLD_MS), 0, Number.MAX_VALUE) ??
      2_000,
    criticalRoutes:
      check.routePatterns('sampling.criticalRoutes', given.criticalRoutes) ??
      check.routePatterns('LOG_CRITICAL_ROUTES', fromEnv) ??
      [],
    rules: resolveRules(check, given.rules),
    followCaller: check.flag('sampling.followCaller', given.followCaller) ?? false,
  };
}

function resolveRules(check: Check, value: unknown): readonly SamplingRule[] {
  const names = new Set<string>(BUILTIN_RULES);
  return check.list('sampling.rules', value).map((entry, i) => {
    const at = `sampling.rules[${i}]`;
    const given = check.object(at, entry, RULE_KEYS);
    const { name } = given;
    if (typeof name !== 'string' || !RULE_NAME.test(name)) {
      check.fault(`${at}.name`, name, 'a name of 1 to 64 letters, digits, `_`, `-` and `.`, such as SIGNUPS');
    } else if (names.has(name)) {
      check.fault(`${at}.name`, name, `a name that no other rule has (taken: ${[...names].join(', ')})`);
    } else {
      names.add(name);
    }
    if (given.rate === undefined) check.fault(`${at}.rate`, given.rate, 'a number from 0 to 1');
    const level = check.level(`${at}.level`, given.level);
    const topic = check.text(`${at}.topic`, given.topic);
    const service = check.text(`${at}.service`, given.service);
    const route = check.routePatterns(`${at}.route`, given.route === undefined ? undefined : [given.route])?.[0];
    const when = check.callback<[event: Readonly<Record<string, unknown>>], boolean>(`${at}.when`, given.when);
    return {
      name: String(name),
      rate: check.rate(`${at}.rate`, given.rate) ?? 1,
      urgent: check.flag(`${at}.urgent`, given.urgent) ?? false,
      ...(level === undefined ? {} : { level }),
      ...(topic === undefined ? {} : { topic }),
      ...(service === undefined ? {} : { service }),
      ...(route === undefined ? {} : { route }),
      ...(when === undefined ? {} : { when }),
    };
  });
}

function resolveLimits(check: Check, value: unknown): Partial<EventLimits> {
  const given = check.object('limits', value, LIMIT_KEYS);
  const limits: Partial<Record<keyof EventLimits, number>> = {};
  for (const key of LIMIT_KEYS) {
    const limit = check.wholeNumber(`limits.${key}`, given[key], SMALLEST_LIMITS[key]);
    if (limit !== undefined) limits[key] = limit;
  }
  return limits;
}

function resolveSpool(check: Check, value: unknown): SpoolSettings | 'memory' {
  if (value === 'memory') return 'memory';
  if (value === null || typeof value === 'string') {
    check.fault('spool', value, "'memory', or an object of settings");
    return {};
  }
  const given = check.object('spool', value, SPOOL_KEYS);
  const settings: { -readonly [K in keyof SpoolSettings]: SpoolSettings[K] } = {};
  for (const [key, lowest] of SPOOL_SIZES) {
    const size = check.wholeNumber(`spool.${key}`, given[key], lowest);
    if (size !== undefined) settings[key] = size;
  }
  const { maxBytes, reserveBytes } = settings;
  if (reserveBytes !== undefined && reserveBytes >= (maxBytes ?? DEFAULT_SPOOL_BYTES)) {
    check.fault('spool.reserveBytes', reserveBytes, 'less than spool.maxBytes, or nothing is left for normal events');
  }
  const { fsync } = given;
  if (fsync === 'off' || fsync === 'always' || (typeof fsync === 'number' && fsync > 0 && fsync <= LONGEST_TIMER_MS)) {
    settings.fsync = fsync;
  } else if (fsync !== undefined) {
    check.fault('spool.fsync', fsync, `'off', 'always', or an interval in milliseconds, at most ${LONGEST_TIMER_MS}`);
  }
  return settings;
}

function readManifest(cwd: string): { readonly name: string | undefined; readonly version: string | undefined } {
  try {
    const manifest: unknown = JSON.parse(readFileSync(join(cwd, 'package.json'), 'utf8'));
    if (typeof manifest !== 'object' || manifest === null) return { name: undefined, version: undefined };
    const { name, version }: { name?: unknown; version?: unknown } = manifest;
    return {
      name: typeof name === 'string' && name !== '' ? name : undefined,
      version: typeof version === 'string' && version !== '' ? version : undefined,
    };
  } catch {
    return { name: undefined, version: undefined };
  }
}
