/** Times of a plan: absolute or relative, turned into milliseconds; and the width of time buckets. */
import type { Plan } from './plan.ts';
import { QueryError } from './query-error.ts';

const UNIT_MS = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 } as const;
type Unit = keyof typeof UNIT_MS;

const RELATIVE = /^(?:now)?-(\d{1,9})([smhdw])$/;
const ABSOLUTE = /^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:\d{2}))?$/;

/** Widths that people read at a glance; `auto` picks among them. */
const ROUND_WIDTHS_MS = [
  ...[1, 2, 5, 10, 15, 30].map((seconds) => seconds * UNIT_MS.s),
  ...[1, 2, 5, 10, 15, 30].map((minutes) => minutes * UNIT_MS.m),
  ...[1, 2, 3, 6, 12].map((hours) => hours * UNIT_MS.h),
  ...[1, 2, 7, 14, 30, 90, 365].map((days) => days * UNIT_MS.d),
];
const AUTO_BUCKETS = 60;
const MAX_BUCKETS = 10_000;
/** RFC 3339 has four digits for the year. */
const FIRST_MS = Date.parse('0000-01-01T00:00:00Z');
const LAST_MS = Date.parse('9999-12-31T23:59:59.999Z');

export interface TimeRange {
  /** Included. */
  readonly fromMs: number;
  /** Not included. */
  readonly toMs: number;
}

/** The time in milliseconds, `undefined` where the text isn't a time from the years 0 to 9999. A date alone is its midnight, UTC. */
export function parseTime(text: string, nowMs: number): number | undefined {
  if (text === 'now') return nowMs;
  const relative = RELATIVE.exec(text);
  if (relative?.[1] !== undefined && isUnit(relative[2])) {
    return withinYears(nowMs - Number(relative[1]) * UNIT_MS[relative[2]]);
  }
  return ABSOLUTE.test(text) ? withinYears(Date.parse(text)) : undefined;
}

function withinYears(ms: number): number | undefined {
  return ms >= FIRST_MS && ms <= LAST_MS ? ms : undefined;
}

/** @throws QueryError `BAD_TIME` or `BAD_RANGE`. */
export function resolveRange(plan: Pick<Plan, 'from' | 'to'>, nowMs: number): TimeRange {
  const fromMs = planTimeMs('from', plan.from, nowMs);
  const toMs = planTimeMs('to', plan.to, nowMs);
  if (fromMs >= toMs) {
    throw new QueryError('BAD_RANGE', `the range is empty: from (${plan.from}) is not before to (${plan.to})`);
  }
  return { fromMs, toMs };
}

/** @throws QueryError `BAD_BUCKET` where the range would have more than 10,000 of them. */
export function resolveBucketMs(bucket: string, range: TimeRange): number {
  const spanMs = range.toMs - range.fromMs;
  if (bucket === 'auto') {
    const ideal = spanMs / AUTO_BUCKETS;
    const distance = (width: number) => Math.abs(Math.log(width / ideal));
    return ROUND_WIDTHS_MS.reduce((best, width) => (distance(width) < distance(best) ? width : best));
  }
  const unit = bucket.at(-1);
  const widthMs = isUnit(unit) ? Number(bucket.slice(0, -1)) * UNIT_MS[unit] : Number.NaN;
  if (!(widthMs > 0)) throw new QueryError('BAD_BUCKET', `"${bucket}" is not a width such as 10s, 1m, 1h, 1d or auto`);
  if (spanMs / widthMs > MAX_BUCKETS) {
    const hint = 'take a wider bucket, a shorter range, or "auto"';
    throw new QueryError(
      'BAD_BUCKET',
      `a bucket of ${bucket} cuts this range into more than ${MAX_BUCKETS} buckets`,
      undefined,
      hint,
    );
  }
  return widthMs;
}

function planTimeMs(key: 'from' | 'to', text: string, nowMs: number): number {
  const ms = parseTime(text, nowMs);
  if (ms === undefined) {
    const hint = 'write RFC 3339 (2026-11-21T09:00:00Z) or a time relative to now (-15m, now)';
    throw new QueryError('BAD_TIME', `${key}: "${text}" is not a time`, undefined, hint);
  }
  return ms;
}

function isUnit(text: string | undefined): text is Unit {
  return text !== undefined && Object.hasOwn(UNIT_MS, text);
}
