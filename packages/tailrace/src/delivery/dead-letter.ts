/**
 * The form of a dead letter, the same wherever it is kept: a line of a file, an entry of a Redis stream, a message of a
 * Kafka topic, a document of MongoDB. It is one JSON object:
 *
 *   schema      `tailrace/dead-letter/v1`
 *   id          known by it wherever it is; an event that has no id is replayed under this one
 *   at, lastAt  when it died, and when it was refused the last time: RFC 3339
 *   reason      why it was refused the last time
 *   source      where it came from: `spool` (of an application), `http`, `queue`, `server`
 *   sink        what refused it: the name of a sink, or a part of the server
 *   route       the application's route, where it has one
 *   service     the event's service, where it can be read
 *   attempts    how often it was offered, in all rounds
 *   rounds      how often a replay brought it back
 *   truncated   true where only the start of it was kept: it can't be replayed
 *   edited      `{ at, by }`, where somebody changed it
 *   line        the event as it was, or `bytes`, in base 64, where it is no UTF-8
 *
 * Files of before have letters without `schema`: they are read as what they mean.
 */
import { isUtf8 } from 'node:buffer';
import { createProducerId, formatEventId } from '../event.ts';
import { findEventId } from './line-kinds.ts';

export const DEAD_LETTER_SCHEMA = 'tailrace/dead-letter/v1';

/** An event that was refused for good, or that could not be read, with its reason. */
export interface DeadLetter {
  readonly id: string;
  /** What refused it. */
  readonly sink: string;
  readonly reason: string;
  /** Where it came from: `spool`, `http`, `queue`, `server`. */
  readonly source: string;
  /** The application's route, where it has one. */
  readonly route?: string;
  /** The event's service, where it can be read. */
  readonly service?: string;
  /** When it died: RFC 3339. */
  readonly at: string;
  /** When it was refused the last time: RFC 3339. */
  readonly lastAt: string;
  /** How often it was offered, in all rounds. */
  readonly attempts: number;
  /** How often a replay brought it back. */
  readonly rounds: number;
  /** Only the start of it was kept: it can't be replayed. */
  readonly truncated: boolean;
  /** Who changed it last, and when. */
  readonly edited?: { readonly at: string; readonly by: string };
  readonly line: Buffer;
}

export function encodeDeadLetter({ line, ...letter }: DeadLetter): string {
  const content = isUtf8(line) ? { line: line.toString() } : { bytes: line.toString('base64') };
  return JSON.stringify({ schema: DEAD_LETTER_SCHEMA, ...letter, ...content });
}

/** @returns `undefined` for what is no dead letter, or one of a version to come. */
export function decodeDeadLetter(text: Buffer | string): DeadLetter | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text.toString());
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const fields: Readonly<Record<string, unknown>> = { ...value };
  const { schema, reason, at, edited } = fields;
  const line = readContent(fields);
  if (typeof reason !== 'string' || typeof at !== 'string' || line === undefined) return undefined;
  if (schema !== DEAD_LETTER_SCHEMA && schema !== undefined) return undefined;
  const route = textOf(fields.route);
  const service = textOf(fields.service) ?? (schema === undefined ? serviceOf(line) : undefined);
  return {
    id: textOf(fields.id) ?? idOf(line, at),
    sink: textOf(fields.sink) ?? 'server',
    reason,
    source: textOf(fields.source) ?? 'spool',
    ...(route !== undefined && { route }),
    ...(service !== undefined && { service }),
    at,
    lastAt: textOf(fields.lastAt) ?? at,
    attempts: countOf(fields.attempts) ?? 1,
    rounds: countOf(fields.rounds) ?? 0,
    truncated: fields.truncated === true,
    ...(isEdit(edited) && { edited: { at: edited.at, by: edited.by } }),
    line,
  };
}

/** The id that a line has as a dead letter: its event's, else a new one. */
export function idOf(line: Buffer, at: string): string {
  const id = findEventId(line);
  if (id !== undefined) return formatEventId(id.producer, id.sequence);
  const ms = Date.parse(at);
  return formatEventId(createProducerId(Number.isNaN(ms) ? Date.now() : ms, Math.random), 1);
}

/** The service of an event that may be none. */
export function serviceOf(line: Buffer | string): string | undefined {
  try {
    const value: unknown = JSON.parse(line.toString());
    if (typeof value !== 'object' || value === null || !('service' in value)) return undefined;
    return textOf(value.service)?.slice(0, 256);
  } catch {
    return undefined;
  }
}

function readContent({ line, bytes }: Readonly<Record<string, unknown>>): Buffer | undefined {
  if (typeof line === 'string') return Buffer.from(line);
  return typeof bytes === 'string' ? Buffer.from(bytes, 'base64') : undefined;
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function countOf(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}

function isEdit(value: unknown): value is { readonly at: string; readonly by: string } {
  if (typeof value !== 'object' || value === null || !('at' in value) || !('by' in value)) return false;
  return typeof value.at === 'string' && typeof value.by === 'string';
}
