/** One event as one line for people: time, level, service, what happened, how it went. */

const LEVEL_COLOURS: Readonly<Record<string, number>> = {
  trace: 90,
  debug: 36,
  info: 32,
  warn: 33,
  error: 31,
  fatal: 35,
};
/** Shown by itself, or of no use on a screen. */
const SHOWN_ELSEWHERE = new Set([
  'schema',
  'event_id',
  'timestamp',
  'level',
  'message',
  'topic',
  'service',
  'version',
  'environment',
  'host',
  'route',
  'method',
  'status',
  'duration_ms',
  'trace_id',
  'span_id',
  'parent_span_id',
  'steps',
  'sampling.rule',
  'sampling.rate',
  'error.stack',
]);
const MAX_VALUE_LENGTH = 120;
// Control characters in an event must not steer the reader's terminal.
// biome-ignore lint/suspicious/noControlCharactersInRegex: it is control characters that are meant
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;

export function formatPretty(lines: readonly Buffer[], colour: boolean): string {
  return lines.map((line) => `${formatLine(line.toString(), colour)}\n`).join('');
}

function formatLine(text: string, colour: boolean): string {
  let event: Readonly<Record<string, unknown>>;
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null) return clean(text);
    event = { ...value };
  } catch {
    return clean(text);
  }
  const paint = (code: number, said: string) => (colour ? `\u001b[${code}m${said}\u001b[0m` : said);
  const level = String(event.level ?? 'info');
  const parts = [
    paint(90, timeOfDay(event.timestamp)),
    paint(LEVEL_COLOURS[level] ?? 0, clean(level.toUpperCase().padEnd(5))),
    clean(String(event.service ?? '')),
  ];
  if (event.topic !== undefined) parts.push(paint(36, `[${clean(String(event.topic))}]`));
  if (event.method !== undefined || event.route !== undefined) {
    parts.push(clean([event.method, event.route].filter((part) => part !== undefined).join(' ')));
  }
  if (event.status !== undefined) parts.push(paint(Number(event.status) >= 400 ? 31 : 32, clean(String(event.status))));
  if (event.duration_ms !== undefined) parts.push(`${clean(String(event.duration_ms))}ms`);
  if (event.message !== undefined) parts.push(clean(String(event.message)));
  for (const [key, value] of Object.entries(event)) {
    if (!SHOWN_ELSEWHERE.has(key)) parts.push(`${paint(90, `${clean(key)}=`)}${clean(inBrief(value))}`);
  }
  const stack = event['error.stack'];
  const tail = typeof stack === 'string' ? `\n${paint(90, clean(stack).replaceAll(/^/gm, '    '))}` : '';
  return parts.filter((part) => part !== '').join(' ') + tail;
}

function timeOfDay(timestamp: unknown): string {
  return typeof timestamp === 'string' ? clean(timestamp.slice(11, 23)) : '';
}

function inBrief(value: unknown): string {
  const text = typeof value === 'string' && !/\s/.test(value) ? value : JSON.stringify(value);
  return text.length > MAX_VALUE_LENGTH ? `${text.slice(0, MAX_VALUE_LENGTH)}…` : text;
}

function clean(text: string): string {
  return text.replaceAll(CONTROL, '\ufffd');
}
