/**
 * A time range as the URL and the API write it: each end is RFC 3339, or relative to now (`-15m`, `now`). Relative ends
 * are resolved once for each run of a search, so that the rows, the histogram and the facets look at the same range.
 */

export interface TimeRange {
  readonly from: string;
  readonly to: string;
}

export interface ResolvedRange {
  readonly fromMs: number;
  readonly toMs: number;
}

export const PRESETS = ['5m', '15m', '1h', '6h', '24h', '7d'] as const;
export type Preset = (typeof PRESETS)[number];

export const DEFAULT_RANGE: TimeRange = { from: '-15m', to: 'now' };

const UNIT_MS = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 } as const;
const RELATIVE = /^(?:now)?-(\d{1,9})([smhdw])$/;
const ABSOLUTE = /^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:\d{2}))?$/;

/** Milliseconds since 1970, or `undefined` where the text is no time. */
export function resolveTime(text: string, nowMs: number): number | undefined {
  if (text === 'now') return nowMs;
  const relative = RELATIVE.exec(text);
  if (relative) return nowMs - Number(relative[1]) * unitMs(relative[2]);
  if (!ABSOLUTE.test(text)) return undefined;
  const ms = Date.parse(text);
  return Number.isNaN(ms) ? undefined : ms;
}

function unitMs(unit: string | undefined): number {
  return unit !== undefined && unit in UNIT_MS ? UNIT_MS[unit as keyof typeof UNIT_MS] : Number.NaN;
}

/** The default range where an end is no time, or the range is empty. */
export function checkedRange(range: TimeRange, nowMs: number): TimeRange {
  const from = resolveTime(range.from, nowMs);
  const to = resolveTime(range.to, nowMs);
  return from === undefined || to === undefined || from >= to ? DEFAULT_RANGE : range;
}

export function resolveRange(range: TimeRange, nowMs: number): ResolvedRange {
  const checked = checkedRange(range, nowMs);
  return { fromMs: resolveTime(checked.from, nowMs) ?? nowMs, toMs: resolveTime(checked.to, nowMs) ?? nowMs };
}

/** True where the range ends now, so that it moves on with time. */
export function isRelative(range: TimeRange): boolean {
  return range.to === 'now';
}

export function presetRange(preset: Preset): TimeRange {
  return { from: `-${preset}`, to: 'now' };
}

export function presetOf(range: TimeRange): Preset | undefined {
  if (range.to !== 'now') return undefined;
  return PRESETS.find((preset) => range.from === `-${preset}` || range.from === `now-${preset}`);
}

export function absoluteRange(fromMs: number, toMs: number): TimeRange {
  return { from: new Date(fromMs).toISOString(), to: new Date(toMs).toISOString() };
}

/** Twice as wide around the same middle, but not into the future. */
export function zoomOut(range: ResolvedRange, nowMs: number): TimeRange {
  const width = range.toMs - range.fromMs;
  const toMs = Math.min(range.toMs + width / 2, Math.max(nowMs, range.toMs));
  return absoluteRange(Math.round(toMs - 2 * width), Math.round(toMs));
}

/** What `<input type="datetime-local">` holds for a moment, in the user's zone. */
export function toLocalInput(ms: number): string {
  const date = new Date(ms);
  const two = (n: number) => String(n).padStart(2, '0');
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day}T${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/** The moment that `<input type="datetime-local">` holds. */
export function fromLocalInput(value: string): number | undefined {
  if (!/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?$/.test(value)) return undefined;
  const ms = new Date(value).getTime();
  return Number.isNaN(ms) ? undefined : ms;
}
