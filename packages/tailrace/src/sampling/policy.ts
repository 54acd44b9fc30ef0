import type { Level } from '../event.ts';
import type { SamplingRule } from '../options.ts';
import type { Decision } from './decision.ts';
import { nextPressureStep, PRESSURE_STEPS } from './pressure.ts';
import { parseRoutePattern, type RoutePattern } from './route-pattern.ts';
import { isKept, type Randomness, thresholdOfRate } from './threshold.ts';

/**
 * The policy: which events are kept, by which rule, at which rate.
 *
 * Rules are tried in order, at the end of a scope, when its outcome is known; the first that matches decides.
 *
 *   HAS_ERROR       level error or fatal, an error, or a status from 500 up          kept, always
 *   SLOW_REQUEST    longer than the threshold                                        kept, always
 *   CRITICAL_ROUTE  the route is on the list                                         kept, always
 *   …               the user's own rules                                             at the rule's rate
 *   NO_LOG          the code said that this unit of work isn't worth an event        never
 *   SAMPLING_HINT   the code gave a rate of its own                                  at that rate
 *   LOG_LINE        a log line outside every scope                                   at the lines' rate
 *   SAMPLED_NORMAL  everything else                                                  at the normal rate
 *
 * Where another service keeps its part of the trace at a higher rate than that of the rule that matched, its word counts
 * more, even than NO_LOG: the event is kept, under the name of the neighbour's rule and at its rate.
 *
 *   CALLEE_KEPT     a service that this one called kept its event for a rule         at the callee's rate
 *   CALLER_KEPT     the caller's sampler kept the trace, and is to be followed       at the caller's rate
 *
 * Whether an event is in the share that a rate keeps is not drawn by lot but read from its trace id (see
 * `threshold.ts`), so it comes out alike in every service, and a scope's lines share the fate of its event. A log line
 * outside every scope has no trace: it gets random bits of its own, and by default all such lines are kept, for they
 * tell of starts, ends and timers, not of traffic.
 *
 * Under pressure (see `pressure.ts`) the rates of LOG_LINE and SAMPLED_NORMAL are lowered, and events carry the lowered
 * rate.
 */

export type Condition = (event: Readonly<Record<string, unknown>>) => boolean;

/** What the policy looks at. A scope is one itself, so nothing is copied for the decision. */
export interface Subject {
  readonly kind: 'scope' | 'line_in_scope' | 'line';
  readonly level: Level;
  readonly hasError: boolean;
  readonly service: string;
  readonly topic: string | undefined;
  readonly route: string | undefined;
  readonly method: string | undefined;
  readonly status: number | undefined;
  readonly durationMs: number | undefined;
  readonly randomness: Randomness;
  readonly rateHint: SamplingHint | undefined;
  /** Another service keeps its part of this trace. */
  readonly neighbour: Neighbour | undefined;
  /** The fields so far, for a rule's own condition. */
  readonly fields: Readonly<Record<string, unknown>>;
}

/** What a line takes over from its scope. */
export type LineSurroundings = Pick<Subject, 'route' | 'method' | 'randomness' | 'rateHint' | 'neighbour'>;

/** What another service said of its own decision, made by the same bits as ours. */
export interface Neighbour {
  readonly rule: 'CALLEE_KEPT' | 'CALLER_KEPT';
  readonly rate: number;
  readonly because: string;
}

/** A rate that the code gave: for `SamplingHint`, or 0 for an event that isn't wanted. */
export interface SamplingHint {
  readonly rule: 'SAMPLING_HINT' | 'NO_LOG';
  readonly rate: number;
}

export interface PolicyOptions {
  readonly normalRate: number;
  readonly lineRate: number;
  readonly slowThresholdMs: number;
  readonly criticalRoutes: readonly string[];
  readonly rules: readonly SamplingRule[];
  /** Told when a rule's own condition threw; the rule then doesn't match. */
  readonly onRuleFault: (rule: string, error: unknown) => void;
}

/** Why an event was kept or not. */
export interface Explanation extends Decision {
  /** The rules in the order in which they were tried, the last one being the one that decided. */
  readonly tried: readonly { readonly rule: string; readonly matched: boolean; readonly because: string }[];
}

export interface Policy {
  decide(subject: Subject): Decision;
  /**
   * The decision on an ordinary log line in a scope, by what is known without making the line: the same as `decide` would
   * come to, or `undefined` where more has to be looked at. Most lines of a busy service end here.
   */
  decideOrdinaryLine(level: Level, scope: LineSurroundings): Decision | undefined;
  explain(subject: Subject): Explanation;
  /** The threshold of the normal rate as it is now. */
  normalThreshold(): string | undefined;
  normalRate(): number;
  /** Adapts the normal rate to the fill of the spool; true where it changed. */
  adapt(fill: number): boolean;
}

/** Names that a user's rule can't have. */
export const BUILTIN_RULES = [
  'HAS_ERROR',
  'SLOW_REQUEST',
  'CRITICAL_ROUTE',
  'CALLEE_KEPT',
  'CALLER_KEPT',
  'NO_LOG',
  'SAMPLING_HINT',
  'LOG_LINE',
  'SAMPLED_NORMAL',
] as const;

const HAS_ERROR: Decision = Object.freeze({ keep: true, rule: 'HAS_ERROR', rate: 1, urgent: true });
const SLOW_REQUEST: Decision = Object.freeze({ keep: true, rule: 'SLOW_REQUEST', rate: 1, urgent: true });
const CRITICAL_ROUTE: Decision = Object.freeze({ keep: true, rule: 'CRITICAL_ROUTE', rate: 1, urgent: true });

/** A rule with a rate: both of its answers are made once. */
class Share {
  readonly rate: number;
  readonly threshold: string | undefined;
  readonly #kept: Decision;
  readonly #left: Decision;
  /** What was decided on last: the lines of a scope ask for the same bits one after the other. */
  #last: Randomness = '';
  #isLastKept: boolean;

  constructor(rule: string, rate: number, urgent: boolean) {
    this.rate = rate;
    this.threshold = thresholdOfRate(rate);
    this.#kept = Object.freeze({ keep: true, rule, rate, urgent });
    this.#left = Object.freeze({ keep: false, rule, rate, urgent: false });
    this.#isLastKept = isKept(this.#last, this.threshold);
  }

  decide(randomness: Randomness): Decision {
    if (randomness !== this.#last) {
      this.#last = randomness;
      this.#isLastKept = isKept(randomness, this.threshold);
    }
    return this.#isLastKept ? this.#kept : this.#left;
  }
}

interface CompiledRule {
  readonly name: string;
  readonly share: Share;
  readonly describe: string;
  matches(subject: Subject): boolean;
}

/** Decisions on routes are remembered for so many pairs of method and route. */
const MAX_REMEMBERED_ROUTES = 1_000;

export function createPolicy(options: PolicyOptions): Policy {
  const rules = options.rules.map((rule) => compileRule(rule, options.onRuleFault));
  const isCritical = createCriticalRoutes(options.criticalRoutes);
  let pressure = 0;
  let normal = new Share('SAMPLED_NORMAL', options.normalRate, false);
  let lines = new Share('LOG_LINE', options.lineRate, false);

  const byShare = (subject: Subject): Decision => {
    for (const rule of rules) if (rule.matches(subject)) return rule.share.decide(subject.randomness);
    const { rateHint } = subject;
    if (rateHint !== undefined) return new Share(rateHint.rule, rateHint.rate, false).decide(subject.randomness);
    return (subject.kind === 'line' ? lines : normal).decide(subject.randomness);
  };

  const decide = (subject: Subject): Decision => {
    if (hasError(subject)) return HAS_ERROR;
    if (subject.durationMs !== undefined && subject.durationMs > options.slowThresholdMs) return SLOW_REQUEST;
    if (subject.route !== undefined && isCritical(subject.method, subject.route)) return CRITICAL_ROUTE;
    const decision = byShare(subject);
    const { neighbour } = subject;
    // The neighbour decided by the same bits. So what the two of us keep is exactly the share of the higher rate.
    if (neighbour !== undefined && neighbour.rate > decision.rate) {
      return { keep: true, rule: neighbour.rule, rate: neighbour.rate, urgent: neighbour.rate === 1 };
    }
    return decision;
  };

  return {
    decide,
    decideOrdinaryLine(level, scope) {
      if (level === 'error' || level === 'fatal' || rules.length > 0) return undefined;
      if (scope.rateHint !== undefined || scope.neighbour !== undefined) return undefined;
      if (options.criticalRoutes.length > 0) {
        const { route } = scope;
        if (route !== undefined && isCritical(scope.method, route)) return CRITICAL_ROUTE;
      }
      return normal.decide(scope.randomness);
    },
    explain: (subject) => explain(subject, decide(subject), rules, options),
    normalThreshold: () => normal.threshold,
    normalRate: () => normal.rate,
    adapt(fill) {
      const next = nextPressureStep(pressure, fill);
      if (next === pressure) return false;
      pressure = next;
      const factor = PRESSURE_STEPS[next]?.factor ?? 1;
      normal = new Share('SAMPLED_NORMAL', options.normalRate * factor, false);
      lines = new Share('LOG_LINE', options.lineRate * factor, false);
      return true;
    },
  };
}

function hasError(subject: Subject): boolean {
  return (
    subject.hasError ||
    subject.level === 'error' ||
    subject.level === 'fatal' ||
    (subject.status !== undefined && subject.status >= 500)
  );
}

/**
 * @throws TypeError where a pattern can't be read; options are checked before, so this names a fault of ours.
 */
function createCriticalRoutes(texts: readonly string[]): (method: string | undefined, route: string) => boolean {
  const patterns = texts.map(patternOf);
  if (patterns.length === 0) return () => false;
  const remembered = new Map<string, Map<string, boolean>>();
  let count = 0;
  return (method, route) => {
    const byRoute = remembered.get(method ?? '');
    const known = byRoute?.get(route);
    if (known !== undefined) return known;
    const found = patterns.some((pattern) => pattern.matches(method, route));
    if (count < MAX_REMEMBERED_ROUTES) {
      count += 1;
      if (byRoute === undefined) remembered.set(method ?? '', new Map([[route, found]]));
      else byRoute.set(route, found);
    }
    return found;
  };
}

function patternOf(text: string): RoutePattern {
  const pattern = parseRoutePattern(text);
  if (pattern === undefined) throw new TypeError(`not a route pattern: ${JSON.stringify(text)}`);
  return pattern;
}

function compileRule(rule: SamplingRule, onFault: PolicyOptions['onRuleFault']): CompiledRule {
  const route = rule.route === undefined ? undefined : patternOf(rule.route);
  const below = rule.topic === undefined ? undefined : `${rule.topic}.`;
  const { name, level, topic, service, when } = rule;
  const conditions = [
    level === undefined ? undefined : `level is ${level}`,
    topic === undefined ? undefined : `topic is ${topic} or below it`,
    route === undefined ? undefined : `route matches ${route.text}`,
    service === undefined ? undefined : `service is ${service}`,
    when === undefined ? undefined : 'its own condition holds',
  ].filter((condition) => condition !== undefined);
  return {
    name,
    share: new Share(name, rule.rate, rule.urgent ?? false),
    describe: conditions.length === 0 ? 'it matches every event' : conditions.join(' and '),
    matches(subject) {
      if (level !== undefined && subject.level !== level) return false;
      if (service !== undefined && subject.service !== service) return false;
      if (topic !== undefined && subject.topic !== topic) {
        if (subject.topic === undefined || below === undefined || !subject.topic.startsWith(below)) return false;
      }
      if (route !== undefined && !route.matches(subject.method, subject.route)) return false;
      if (when === undefined) return true;
      try {
        return when(subject.fields) === true;
      } catch (error) {
        onFault(name, error);
        return false;
      }
    },
  };
}

function explain(
  subject: Subject,
  decision: Decision,
  rules: readonly CompiledRule[],
  options: PolicyOptions,
): Explanation {
  const { level, status, durationMs, route, method, neighbour, rateHint } = subject;
  const candidates: (readonly [rule: string, because: string])[] = [
    ['HAS_ERROR', `level ${level}, status ${status ?? 'none'}, ${subject.hasError ? 'an' : 'no'} error`],
    ['SLOW_REQUEST', `took ${durationMs ?? 'no'} ms, the threshold is ${options.slowThresholdMs} ms`],
    [
      'CRITICAL_ROUTE',
      `${[method, route ?? 'no route'].filter(Boolean).join(' ')} against ${options.criticalRoutes.length} patterns`,
    ],
    ...rules.map((rule) => [rule.name, rule.describe] as const),
  ];
  if (neighbour !== undefined) candidates.push([neighbour.rule, neighbour.because]);
  if (rateHint !== undefined) candidates.push([rateHint.rule, `the code asked for rate ${rateHint.rate}`]);
  if (subject.kind === 'line') candidates.push(['LOG_LINE', 'a log line outside every scope']);
  candidates.push(['SAMPLED_NORMAL', `no other rule; its bits are ${subject.randomness}`]);

  const tried: { rule: string; matched: boolean; because: string }[] = [];
  for (const [rule, because] of candidates) {
    const matched = rule === decision.rule;
    tried.push({ rule, matched, because });
    if (matched) break;
  }
  return { ...decision, tried };
}
