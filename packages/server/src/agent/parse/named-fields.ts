/**
 * Structured entries (JSON, logfmt) → the names of an event's table. Loggers agree on what they tell and on no name for it;
 * here is what pino, winston, bunyan, zap, logrus, slog, python-json-logger, ECS and OpenTelemetry call things. What has
 * no place in the table stays an attribute under its own name.
 */
import { levelOf } from './levels.ts';
import type { ParsedEntry, Zone } from './parsed-entry.ts';
import { timeOf } from './times.ts';

type Fields = Record<string, unknown>;

/** Names of one thing, the surest first. A dotted name is also looked for in nested objects. */
const TIMES = ['timestamp', '@timestamp', 'time', 'ts', 'datetime', 'date', 'asctime', 't'];
const LEVEL_NAMES = ['level', 'severity', 'log.level', 'lvl', 'levelname', 'loglevel', 'severity_text'];
const TEXTS: readonly (readonly [field: string, names: readonly string[]])[] = [
  ['message', ['message', 'msg', 'event.message', 'body']],
  ['topic', ['topic', 'logger', 'logger_name', 'log.logger', 'loggerName', 'name']],
  ['service', ['service', 'service.name']],
  ['version', ['version', 'service.version']],
  ['environment', ['environment', 'service.environment', 'deployment.environment.name', 'deployment.environment']],
  ['host', ['host', 'hostname', 'host.name']],
  ['route', ['route', 'http.route']],
  ['method', ['method', 'http.request.method', 'http.method', 'req.method', 'request.method', 'verb']],
  ['request_id', ['request_id', 'requestId', 'reqId', 'req.id', 'request.id', 'http.request.id', 'req_id']],
  ['trace_id', ['trace_id', 'traceId', 'trace.id']],
  ['span_id', ['span_id', 'spanId', 'span.id']],
  ['parent_span_id', ['parent_span_id', 'parentSpanId', 'parent.id']],
  ['user.id', ['user.id', 'user_id', 'userId', 'enduser.id']],
  ['error.code', ['error.code', 'err.code']],
  ['error.type', ['error.type', 'err.type', 'err.name', 'error.name', 'exception.type']],
  ['error.message', ['error.message', 'err.message', 'exception.message', 'err', 'error']],
  [
    'error.stack',
    ['error.stack', 'err.stack', 'stack', 'error.stack_trace', 'stacktrace', 'exception.stacktrace', 'exc_info'],
  ],
];
const STATUSES = [
  'status',
  'http.response.status_code',
  'http.status_code',
  'statusCode',
  'status_code',
  'res.statusCode',
  'response.status',
];
const PATHS = ['url.path', 'req.url', 'http.target', 'path', 'uri', 'url', 'request.url', 'request.path'];
/** A duration, and how many of its units make a millisecond. */
const DURATIONS: readonly (readonly [name: string, unitsPerMs: number])[] = [
  ['duration_ms', 1],
  ['responseTime', 1],
  ['response_time_ms', 1],
  ['elapsed_ms', 1],
  ['latency_ms', 1],
  ['took_ms', 1],
  ['event.duration', 1e6],
];
const DURATION_TEXTS = ['duration', 'elapsed', 'latency', 'took'];

export function mapFields(given: Readonly<Fields>, zone: Zone): ParsedEntry {
  const left = copyNested(given);
  const fields: Fields = Object.create(null);
  const timestampMs = takeFirst(left, TIMES, (value) => timeOf(value, zone));
  const level = takeFirst(left, LEVEL_NAMES, levelOf);
  for (const [field, names] of TEXTS) {
    const text = takeFirst(left, names, field === 'message' ? scalarText : nonEmptyText);
    if (text !== undefined) fields[field] = text;
  }
  const status = takeFirst(left, STATUSES, statusOf);
  if (status !== undefined) fields.status = status;
  const duration = takeDuration(left);
  if (duration !== undefined) fields.duration_ms = duration;
  const target = takeFirst(left, PATHS, pathOf);
  if (target !== undefined) {
    fields['url.path'] = target.path;
    if (target.query !== undefined) fields['url.query'] = target.query;
  }
  Object.assign(fields, left);
  return { ...(timestampMs !== undefined && { timestampMs }), ...(level !== undefined && { level }), fields };
}

/** A copy whose nested objects may lose keys, as deep as the names above go. */
function copyNested(given: Readonly<Fields>, depth = 3): Fields {
  const copy: Fields = Object.create(null);
  for (const [key, value] of Object.entries(given))
    copy[key] = depth > 0 && isPlain(value) ? copyNested(value, depth - 1) : value;
  return copy;
}

/** The first of the names whose value can be read as what is meant; it is taken out. */
function takeFirst<T>(
  fields: Fields,
  names: readonly string[],
  read: (value: unknown) => T | undefined,
): T | undefined {
  for (const name of names) {
    const found = find(fields, name);
    if (found === undefined) continue;
    const value = read(found.holder[found.key]);
    if (value === undefined) continue;
    takeOut(fields, name);
    return value;
  }
  return undefined;
}

/** Takes a value out, and the objects that are empty without it. */
function takeOut(fields: Fields, name: string): void {
  if (name in fields) {
    delete fields[name];
    return;
  }
  const dot = name.indexOf('.');
  const below = dot < 0 ? undefined : fields[name.slice(0, dot)];
  if (!isPlain(below)) return;
  takeOut(below, name.slice(dot + 1));
  if (Object.keys(below).length === 0) delete fields[name.slice(0, dot)];
}

function find(fields: Fields, name: string): { readonly holder: Fields; readonly key: string } | undefined {
  if (name in fields) return { holder: fields, key: name };
  const dot = name.indexOf('.');
  if (dot < 0) return undefined;
  const below = fields[name.slice(0, dot)];
  return isPlain(below) ? find(below, name.slice(dot + 1)) : undefined;
}

function takeDuration(fields: Fields): number | undefined {
  for (const [name, unitsPerMs] of DURATIONS) {
    const value = takeFirst(fields, [name], (given) => (typeof given === 'number' && given >= 0 ? given : undefined));
    if (value !== undefined) return value / unitsPerMs;
  }
  return takeFirst(fields, DURATION_TEXTS, durationText);
}

const UNITS_MS: Readonly<Record<string, number>> = { ns: 1e-6, us: 1e-3, µs: 1e-3, ms: 1, s: 1e3, m: 6e4 };

/** `12.5ms`: a duration that names its unit. A bare number could be anything, and stays an attribute. */
function durationText(value: unknown): number | undefined {
  const match = typeof value === 'string' ? /^(\d{1,12}(?:\.\d{1,12})?)\s?(ns|us|µs|ms|s|m)$/.exec(value) : null;
  return match === null ? undefined : Number(match[1]) * (UNITS_MS[match[2] ?? ''] ?? 1);
}

function statusOf(value: unknown): number | undefined {
  const number = typeof value === 'string' && /^\d{3}$/.test(value) ? Number(value) : value;
  return typeof number === 'number' && Number.isInteger(number) && number >= 100 && number <= 599 ? number : undefined;
}

function pathOf(value: unknown): { readonly path: string; readonly query: string | undefined } | undefined {
  if (typeof value !== 'string') return undefined;
  const start = value.startsWith('/') ? 0 : (/^https?:\/\/[^/]{1,255}(?=\/)/.exec(value)?.[0].length ?? -1);
  if (start < 0) return undefined;
  const query = value.indexOf('?', start);
  return query < 0
    ? { path: value.slice(start), query: undefined }
    : { path: value.slice(start, query), query: value.slice(query + 1) };
}

function scalarText(value: unknown): string | undefined {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
    ? String(value)
    : undefined;
}

function nonEmptyText(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function isPlain(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
