/**
 * One entry of a log file → time, level and fields. An entry that isn't what the input says it is becomes an event all the
 * same: its text is the message, and nothing of it is lost.
 */

import { parseHttpLog } from './http-log.ts';
import { levelInText, levelOf } from './levels.ts';
import { parseLogfmt } from './logfmt.ts';
import { mapFields } from './named-fields.ts';
import { readOwnEvent } from './own-event.ts';
import type { Format, ParsedEntry, Zone } from './parsed-entry.ts';
import { describeStack } from './stack.ts';
import { timeInText, timeOf } from './times.ts';

export interface ParseSettings {
  readonly format: Format;
  readonly zone: Zone;
}

export interface ParseOutcome extends ParsedEntry {
  /** How it was read. Where that isn't what was asked for, the entry could not be read so. */
  readonly format: Exclude<Format, 'auto'>;
}

export function parseEntry(text: string, settings: ParseSettings, nowMs: number): ParseOutcome {
  const { format, zone } = settings;
  switch (format) {
    case 'json':
      return asJson(text, zone) ?? asText(text, zone, nowMs);
    case 'logfmt':
      return asLogfmt(text, zone, 1) ?? asText(text, zone, nowMs);
    case 'common':
      return asHttp(text, false) ?? asText(text, zone, nowMs);
    case 'combined':
      return asHttp(text, true) ?? asText(text, zone, nowMs);
    case 'text':
      return asText(text, zone, nowMs);
    case 'auto':
      return asJson(text, zone) ?? asHttp(text, undefined) ?? asLogfmt(text, zone, 2) ?? asText(text, zone, nowMs);
  }
}

function asJson(text: string, zone: Zone): ParseOutcome | undefined {
  const start = text.search(/\S/);
  if (start < 0 || text[start] !== '{') return undefined;
  const value = parseObject(text);
  if (value === undefined) return undefined;
  return unwrapDocker(value, zone) ?? { ...(readOwnEvent(value) ?? mapFields(value, zone)), format: 'json' };
}

/** The file log of Docker: `{"log":"…\n","stream":"stdout","time":"…"}` around the line of the program. */
function unwrapDocker(value: Readonly<Record<string, unknown>>, zone: Zone): ParseOutcome | undefined {
  const { log, stream, time, ...others } = value;
  if (typeof log !== 'string' || typeof stream !== 'string' || time === undefined) return undefined;
  const receivedMs = timeOf(time, zone);
  const inner = parseEntry(log.replace(/\r?\n$/, ''), { format: 'auto', zone }, receivedMs ?? Date.now());
  const timestampMs = inner.timestampMs ?? receivedMs;
  return {
    ...inner,
    ...(timestampMs !== undefined && { timestampMs }),
    fields: { ...inner.fields, ...others, 'log.iostream': stream },
  };
}

function asLogfmt(text: string, zone: Zone, leastPairs: number): ParseOutcome | undefined {
  // In a line of prose, `=` is rare: what has none within its first words isn't tried.
  const sign = text.indexOf('=');
  if (sign <= 0 || sign > 256 || /\s/.test(text.slice(0, sign))) return undefined;
  const fields = parseLogfmt(text, leastPairs);
  return fields === undefined ? undefined : { ...mapFields(fields, zone), format: 'logfmt' };
}

function asHttp(text: string, isCombined: boolean | undefined): ParseOutcome | undefined {
  const parsed = parseHttpLog(text, isCombined);
  if (parsed === undefined) return undefined;
  return { ...parsed, format: 'user_agent.original' in parsed.fields || isCombined === true ? 'combined' : 'common' };
}

function asText(text: string, zone: Zone, nowMs: number): ParseOutcome {
  const timestampMs = timeInText(text, zone, nowMs);
  const end = text.indexOf('\n');
  const stack = end < 0 ? undefined : describeStack(text.split('\n'));
  const level = levelInText(text) ?? goLevel(text) ?? (stack === undefined ? undefined : 'error');
  return {
    format: 'text',
    ...(timestampMs !== undefined && { timestampMs }),
    ...(level !== undefined && { level }),
    fields: stack === undefined ? { message: text } : { message: withoutStack(text, stack['error.stack']), ...stack },
  };
}

/** The words before the stack; where there are none, its first line. */
function withoutStack(text: string, stack: string): string {
  const before = text.slice(0, text.length - stack.length).trimEnd();
  return before === '' ? (stack.split('\n', 1)[0] ?? '') : before;
}

function goLevel(text: string) {
  return /^(?:panic|fatal error): /.test(text) ? levelOf('fatal') : undefined;
}

function parseObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}
