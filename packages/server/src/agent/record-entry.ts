/**
 * An entry of a file → the line of an event: enriched, decided on, numbered, redacted and serialised by the library's own parts.
 *
 * An event that Tailrace wrote into the file itself is passed on under the id that it has, for it may come by another way,
 * too: the log of a fallback, a second route. It belongs to the account of its own producer, so nothing is decided on it
 * again: a policy that left some out here would make holes in that account. Where the agent is told to sample, such events
 * are numbered anew instead, like any other entry.
 */
import { basename } from 'node:path';
import type { Decision } from 'tailrace';
import { EVENT_SCHEMA, formatEventId, type Level, parseEventId } from 'tailrace/event';
import { murmurHash64, type Policy, type PolicyOptions, randomnessOf, subjectOfEvent } from 'tailrace/sampling';
import { RawJson, type Serialiser } from 'tailrace/serialise';
import type { Entry } from './entry-assembler.ts';
import { enterDecision, type FileAccount } from './file-account.ts';
import type { FollowedFile } from './followed-file.ts';
import type { AgentInput } from './input.ts';
import type { EarlierDecision } from './parse/own-event.ts';
import { parseEntry } from './parse/parse-entry.ts';
import type { ParsedEntry } from './parse/parsed-entry.ts';

/** The keys by which the spool tells how far a file was read. */
export const OFFSET_KEY = 'log.file.offset';
export const BYTES_KEY = 'log.file.bytes';

export interface RecordingParts {
  readonly policy: Policy;
  /** True where the policy keeps everything: events of Tailrace keep their ids. */
  readonly keepsAll: boolean;
  readonly serialiser: Serialiser;
  readonly host: string;
  readonly now: () => number;
}

/** What is the same for all events of a file. */
export interface FileFields {
  readonly service: string;
  readonly fields: Readonly<Record<string, unknown>>;
  /** True where the input names the service. */
  readonly isServiceGiven: boolean;
}

/** True where these settings leave nothing out. */
export function isKeepingAll({
  normalRate,
  lineRate,
  rules,
}: Pick<PolicyOptions, 'normalRate' | 'lineRate' | 'rules'>): boolean {
  return normalRate === 1 && lineRate === 1 && rules.length === 0;
}

/** Keys that only the agent may write; a line's own values go on under `reserved.`. */
const RESERVED = ['schema', 'event_id', 'sampling.rule', 'sampling.rate', OFFSET_KEY, BYTES_KEY];
const TRACE_ID = /^[0-9a-f]{32}$/;
const ERROR_KEYS = ['error.type', 'error.message', 'error.stack', 'error.code'];

export function fieldsOfFile(input: AgentInput, path: string): FileFields {
  const captured: Record<string, string> = {};
  for (const [name, value] of Object.entries(input.pathPattern?.exec(path)?.groups ?? {})) {
    // A group of a regular expression has no dot in its name.
    if (value !== undefined) captured[name.replaceAll('__', '.')] = value;
  }
  const { service = input.service, ...others } = captured;
  const fields: Record<string, unknown> = { ...input.fields, ...others };
  if (input.environment !== undefined) fields.environment ??= input.environment;
  if (input.version !== undefined) fields.version ??= input.version;
  return { service: service ?? serviceOfPath(path), fields, isServiceGiven: service !== undefined };
}

/** The file's name without what rotation and habit add to it: `/var/log/shop.log` is `shop`. */
function serviceOfPath(path: string): string {
  return (
    basename(path)
      .replace(/\.gz$/, '')
      .replace(/[.-]\d[\d.-]*$/, '')
      .replace(/\.(?:log|json|jsonl|ndjson|txt|out|err)$/, '') || 'unknown_service'
  );
}

/**
 * Enters the entry in the account, and makes the line of its event; `undefined` where the policy doesn't keep it.
 *
 * The policy decides by bits that come from the entry's trace, or from its place: read again, it is decided on alike.
 */
export function recordEntry(
  parts: RecordingParts,
  input: AgentInput,
  file: Pick<FollowedFile, 'producer' | 'path'>,
  common: FileFields,
  entry: Entry,
  account: FileAccount,
): string | undefined {
  const nowMs = parts.now();
  const parsed = parseEntry(entry.text, input, nowMs);
  const { fields } = parsed;
  if (parts.keepsAll && isToPassOn(parsed, entry)) {
    account.passedOn += 1;
    return parts.serialiser.serialise(passedOn(parsed, common));
  }
  const level: Level = parsed.level ?? (ERROR_KEYS.some((key) => fields[key] !== undefined) ? 'error' : 'info');
  const record: Record<string, unknown> = Object.create(null);
  // First, so that nothing that an entry brings along can take their place.
  record[OFFSET_KEY] = new RawJson(String(entry.start));
  record[BYTES_KEY] = new RawJson(String(entry.end - entry.start));
  record['log.file.path'] = file.path;
  if (entry.cutBytes > 0) record['log.cut_bytes'] = entry.cutBytes;
  if (entry.isMended) record['log.mended'] = true;
  if (entry.isPartial) record['log.partial'] = true;
  if (input.format !== 'auto' && parsed.format !== input.format) record['log.unparsed'] = true;
  Object.assign(record, { host: parts.host }, common.fields);
  for (const [key, value] of Object.entries(fields)) record[RESERVED.includes(key) ? `reserved.${key}` : key] = value;
  record.level = level;
  if (typeof record.service !== 'string' || record.service === '') record.service = common.service;

  const traceId = fields.trace_id;
  const hasTrace = typeof traceId === 'string' && TRACE_ID.test(traceId);
  const bits = hasTrace ? traceId : murmurHash64(`${file.producer}:${entry.start}`);
  const subject = { ...subjectOfEvent(record, common.service), randomness: randomnessOf(bits) };
  const decision = decideFurther(parts.policy.decide(subject), parsed.earlier, hasTrace);
  const sequence = enterDecision(account, decision);
  if (sequence === 0) return undefined;
  record.schema = EVENT_SCHEMA;
  record.event_id = formatEventId(file.producer, sequence);
  record.timestamp = new Date(inRange(parsed.timestampMs) ?? nowMs).toISOString();
  record['sampling.rule'] = decision.rule;
  record['sampling.rate'] = decision.rate;
  return parts.serialiser.serialise(record);
}

/**
 * True for a whole event of Tailrace with an id. One with a place in a file comes from an agent: the places in this agent's
 * spool must all be its own.
 */
function isToPassOn({ earlier, timestampMs, level, fields }: ParsedEntry, entry: Entry): boolean {
  if (earlier === undefined || level === undefined || inRange(timestampMs) === undefined) return false;
  if (entry.cutBytes > 0 || entry.isMended || entry.isPartial) return false;
  if (OFFSET_KEY in fields || BYTES_KEY in fields) return false;
  return typeof fields.event_id === 'string' && parseEventId(fields.event_id) !== undefined;
}

function passedOn({ earlier, timestampMs, level, fields }: ParsedEntry, common: FileFields): Record<string, unknown> {
  const record: Record<string, unknown> = Object.assign(Object.create(null), fields);
  record.schema = EVENT_SCHEMA;
  record.timestamp = new Date(timestampMs ?? 0).toISOString();
  record.level = level;
  if (typeof record.service !== 'string' || record.service === '') record.service = common.service;
  record['sampling.rule'] = earlier?.rule;
  record['sampling.rate'] = earlier?.rate;
  return record;
}

/**
 * What is kept here of events that were sampled before. By a trace both decide with the same bits, so the smaller rate holds
 * for the two of them; by other bits each leaves its own share out.
 */
function decideFurther(
  decision: Decision,
  earlier: EarlierDecision | undefined,
  isByTrace: boolean,
): Pick<Decision, 'keep' | 'rule' | 'rate'> {
  if (earlier === undefined || !decision.keep) return decision;
  const rate = isByTrace ? Math.min(decision.rate, earlier.rate) : decision.rate * earlier.rate;
  return { keep: true, rule: rate < earlier.rate ? decision.rule : earlier.rule, rate };
}

/** A time that a year of four digits can tell. */
function inRange(ms: number | undefined): number | undefined {
  return ms !== undefined && ms >= 0 && ms < 253_402_300_800_000 ? ms : undefined;
}
