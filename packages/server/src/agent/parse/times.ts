/** The times that stand in log lines. A time without a zone is UTC, unless the input says that it is local. */
import type { Zone } from './parsed-entry.ts';

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];

/** `2026-11-21T09:32:00.123Z`, `2026-11-21 09:32:00,123 +0100`, `2026/11/21 09:32:00`. */
const ISO =
  /^(\d{4})[-/](\d{2})[-/](\d{2})[Tt ](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?(?: ?(Z|z|UTC|GMT|[+-]\d{2}:?\d{2}))?/;
/** `Nov 21 09:32:00`, as syslog has it (RFC 3164): without a year. */
const SYSLOG = /^(?:<\d{1,3}>)?([A-Z][a-z]{2}) {1,2}(\d{1,2}) (\d{2}):(\d{2}):(\d{2})/;
/** `21/Nov/2026:09:32:00 +0100`, as web servers have it. */
const CLF = /^(\d{2})\/([A-Z][a-z]{2})\/(\d{4}):(\d{2}):(\d{2}):(\d{2}) ([+-]\d{4})$/;
const DIGITS = /^\d{9,19}(?:\.\d{1,9})?$/;

const DAY_MS = 86_400_000;

/** Epoch milliseconds of a value that is meant to be a time; `undefined` where it is none. */
export function timeOf(value: unknown, zone: Zone): number | undefined {
  if (typeof value === 'number') return fromEpoch(value);
  if (typeof value !== 'string' || value.length > 64) return undefined;
  const text = value.trim();
  if (DIGITS.test(text)) return fromEpoch(Number(text));
  return isoTime(text, zone) ?? clfTime(text);
}

/** The time at the start of a plain line, after a bracket at most. */
export function timeInText(text: string, zone: Zone, nowMs: number): number | undefined {
  const start = text.startsWith('[') || text.startsWith('<') ? text.slice(1, 80) : text.slice(0, 80);
  return isoTime(start, zone) ?? syslogTime(text.slice(0, 40), zone, nowMs);
}

export function clfTime(text: string): number | undefined {
  const match = CLF.exec(text);
  if (match === null) return undefined;
  const [, day, month, year, hour, minute, second, offset] = match;
  return momentOf(
    [Number(year), monthOf(month), Number(day), Number(hour), Number(minute), Number(second), 0],
    offset,
    'utc',
  );
}

function isoTime(text: string, zone: Zone): number | undefined {
  const match = ISO.exec(text);
  if (match === null) return undefined;
  const [, year, month, day, hour, minute, second = '0', fraction = '', offset] = match;
  const ms = Number(fraction.slice(0, 3).padEnd(3, '0'));
  return momentOf(
    [Number(year), Number(month) - 1, Number(day), Number(hour), Number(minute), Number(second), ms],
    offset,
    zone,
  );
}

/** The year is the one in which the time lies nearest to now, and not more than a day ahead. */
function syslogTime(text: string, zone: Zone, nowMs: number): number | undefined {
  const match = SYSLOG.exec(text);
  if (match === null) return undefined;
  const [, month, day, hour, minute, second] = match;
  const year = new Date(nowMs).getUTCFullYear() + 1;
  for (const candidate of [year, year - 1, year - 2]) {
    const ms = momentOf(
      [candidate, monthOf(month), Number(day), Number(hour), Number(minute), Number(second), 0],
      undefined,
      zone,
    );
    if (ms !== undefined && ms <= nowMs + DAY_MS) return ms;
  }
  return undefined;
}

type Parts = readonly [
  year: number,
  month: number,
  day: number,
  hour: number,
  minute: number,
  second: number,
  ms: number,
];

function momentOf(parts: Parts, offset: string | undefined, zone: Zone): number | undefined {
  const [year, month, day, hour, minute, second] = parts;
  if (month < 0 || month > 11 || day < 1 || day > 31 || hour > 24 || minute > 59 || second > 60 || year < 1970) {
    return undefined;
  }
  const isLocal = offset === undefined && zone === 'local';
  const ms = isLocal ? new Date(...parts).getTime() : Date.UTC(...parts) - offsetMs(offset);
  return Number.isFinite(ms) ? ms : undefined;
}

function offsetMs(offset: string | undefined): number {
  const match = offset === undefined ? null : /^([+-])(\d{2}):?(\d{2})$/.exec(offset);
  if (match === null) return 0;
  const ms = (Number(match[2]) * 60 + Number(match[3])) * 60_000;
  return match[1] === '-' ? -ms : ms;
}

function monthOf(name: string | undefined): number {
  return MONTHS.indexOf((name ?? '').toLowerCase());
}

/** Seconds, milliseconds, microseconds or nanoseconds since 1970, told apart by their size. */
function fromEpoch(value: number): number | undefined {
  if (!Number.isFinite(value) || value <= 0) return undefined;
  if (value < 1e11) return Math.round(value * 1e3);
  if (value < 1e14) return Math.round(value);
  if (value < 1e17) return Math.round(value / 1e3);
  return value < 1e20 ? Math.round(value / 1e6) : undefined;
}
