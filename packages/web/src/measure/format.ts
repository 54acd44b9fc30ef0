/** How numbers are written: exact ones as they are, estimated ones with ≈ and their 95 % interval. */
import type { Measure } from '../api/types.ts';

export type Unit = 'count' | 'ms' | 'ratio';

export interface FormattedMeasure {
  /** `1,940`, or `≈ 1,940`. */
  readonly value: string;
  /** `1,802–2,078, 95 %`; `undefined` where the number is exact. */
  readonly interval: string | undefined;
  /** Both in one: `≈ 1,940 (1,802–2,078, 95 %)`. */
  readonly text: string;
}

export function isEstimate(measure: Measure): measure is Exclude<Measure, number> {
  return typeof measure !== 'number';
}

export function amountOf(measure: Measure): number {
  return isEstimate(measure) ? measure.value : measure;
}

export function formatMeasure(measure: Measure, unit: Unit, locale: string): FormattedMeasure {
  const write = (value: number) => formatNumber(value, unit, locale);
  if (!isEstimate(measure)) {
    const value = write(measure);
    return { value, interval: undefined, text: value };
  }
  const value = `≈ ${write(measure.value)}`;
  const interval = `${write(measure.low)}–${write(measure.high)}, 95 %`;
  return { value, interval, text: `${value} (${interval})` };
}

export function formatNumber(value: number, unit: Unit, locale: string): string {
  if (unit === 'ms') return formatDuration(value, locale);
  if (unit === 'ratio') return `${formatSignificant(value * 100, locale)} %`;
  return new Intl.NumberFormat(locale, { maximumFractionDigits: 0 }).format(value);
}

/** Three figures at most below a hundred, whole numbers above. */
function formatSignificant(value: number, locale: string): string {
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return new Intl.NumberFormat(locale, { maximumFractionDigits: digits }).format(value);
}

/** `340 µs`, `34.2 ms`, `2.04 s`, `1 m 12 s`, `1 h`. */
export function formatDuration(ms: number, locale: string): string {
  const size = Math.abs(ms);
  if (size === 0) return '0 ms';
  if (size < 1) return `${new Intl.NumberFormat(locale, { maximumFractionDigits: 0 }).format(ms * 1000)} µs`;
  if (size < 999.5) return `${formatSignificant(ms, locale)} ms`;
  if (size < 59_995) return `${new Intl.NumberFormat(locale, { maximumFractionDigits: 2 }).format(ms / 1000)} s`;
  const seconds = Math.round(size / 1000);
  const sign = ms < 0 ? '-' : '';
  const parts = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor(seconds / 3600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'm'],
    [seconds % 60, 's'],
  ] as const;
  const first = parts.findIndex(([count]) => count > 0);
  const told = parts.slice(first, first + 2).filter(([count]) => count > 0);
  return sign + told.map(([count, unit]) => `${count} ${unit}`).join(' ');
}

/** `512 B`, `3.4 kB`, `12 MB`. */
export function formatBytes(bytes: number, locale: string): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let i = 0;
  for (; value >= 1000 && i < units.length - 1; i += 1) value /= 1000;
  return `${new Intl.NumberFormat(locale, { maximumFractionDigits: value < 10 && i > 0 ? 1 : 0 }).format(value)} ${units[i]}`;
}

/** How many events a kept event stands for: `1` at rate 1, `100` at rate 0.01. */
export function weightOf(rate: number, locale: string): string {
  return new Intl.NumberFormat(locale, { maximumFractionDigits: 1 }).format(1 / rate);
}
