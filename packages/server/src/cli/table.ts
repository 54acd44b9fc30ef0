/** Tables for people: columns as wide as their cells, numbers to the right. */

/** Control characters would let an event write to the terminal of whoever looks at it. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must go
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/g;
const MAX_CELL = 120;

export function cellText(value: unknown): string {
  const text = plainText(value).replace(CONTROL, (character) => (character === '\n' || character === '\t' ? ' ' : '·'));
  return text.length > MAX_CELL ? `${text.slice(0, MAX_CELL - 1)}…` : text;
}

function plainText(value: unknown): string {
  if (value === undefined || value === null) return '';
  if (typeof value === 'string') return value;
  if (typeof value === 'number') return formatNumber(value);
  if (isEstimate(value)) return formatEstimate(value);
  return JSON.stringify(value);
}

interface Estimate {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

function isEstimate(value: unknown): value is Estimate {
  return typeof value === 'object' && value !== null && 'value' in value && 'low' in value && 'high' in value;
}

/** `1,200 ±40` where the interval is even, `1,200 (1,100 – 1,400)` where it isn't. */
function formatEstimate({ value, low, high }: Estimate): string {
  const below = value - low;
  const above = high - value;
  if (Math.abs(below - above) <= Math.max(below, above) * 0.02) {
    return `${formatNumber(value)} ±${formatNumber(Math.max(below, above))}`;
  }
  return `${formatNumber(value)} (${formatNumber(low)} – ${formatNumber(high)})`;
}

function formatNumber(value: number): string {
  return value.toLocaleString('en-US', { maximumFractionDigits: Math.abs(value) >= 100 ? 0 : 3 });
}

export function formatTable(columns: readonly string[], rows: readonly Readonly<Record<string, unknown>>[]): string {
  const cells = rows.map((row) => columns.map((column) => cellText(row[column])));
  const isNumeric = columns.map((column) =>
    rows.every((row) => typeof row[column] === 'number' || row[column] === undefined || isEstimate(row[column])),
  );
  const widths = columns.map((column, i) => Math.max(column.length, ...cells.map((row) => row[i]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, i) => (isNumeric[i] ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0)))
      .join('  ')
      .trimEnd();
  return [line(columns), line(widths.map((width) => '─'.repeat(width))), ...cells.map(line)].join('\n');
}

/** One event on one line: time, level, service, route, status, duration, what was said. */
export function formatEvent(event: Readonly<Record<string, unknown>>): string {
  const parts = [
    String(event.timestamp ?? '').slice(0, 23),
    String(event.level ?? '')
      .toUpperCase()
      .padEnd(5),
    event.service,
    event.method === undefined ? event.route : `${String(event.method)} ${String(event.route ?? '')}`,
    event.status,
    typeof event.duration_ms === 'number' ? `${formatNumber(event.duration_ms)} ms` : undefined,
    event['error.code'],
    event.message ?? event['error.message'],
    `(${String(event['sampling.rule'] ?? '')}, ${String(event.event_id ?? '')})`,
  ];
  return parts
    .filter((part) => part !== undefined && part !== null && part !== '')
    .map(cellText)
    .join('  ');
}
