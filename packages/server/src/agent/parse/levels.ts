/** The many names of severity → the six of an event. */
import type { Level } from 'tailrace/event';

const NAMES: ReadonlyMap<string, Level> = new Map([
  ['trace', 'trace'],
  ['finest', 'trace'],
  ['finer', 'trace'],
  ['silly', 'trace'],
  ['debug', 'debug'],
  ['dbg', 'debug'],
  ['verbose', 'debug'],
  ['fine', 'debug'],
  ['info', 'info'],
  ['information', 'info'],
  ['informational', 'info'],
  ['notice', 'info'],
  ['http', 'info'],
  ['config', 'info'],
  ['log', 'info'],
  ['warn', 'warn'],
  ['warning', 'warn'],
  ['error', 'error'],
  ['err', 'error'],
  ['severe', 'error'],
  ['fatal', 'fatal'],
  ['critical', 'fatal'],
  ['crit', 'fatal'],
  ['alert', 'fatal'],
  ['emerg', 'fatal'],
  ['emergency', 'fatal'],
  ['panic', 'fatal'],
  ['dpanic', 'fatal'],
]);

/**
 * A level from its name (any case) or its number. Numbers from 10 up are those of pino and bunyan (30 is info), and round
 * down to the level below; numbers from 0 to 7 are those of syslog (RFC 5424, section 6.2.1).
 */
export function levelOf(value: unknown): Level | undefined {
  if (typeof value === 'string') {
    if (value.length > 20) return undefined;
    return NAMES.get(value.trim().toLowerCase()) ?? (/^\d{1,2}$/.test(value) ? levelOf(Number(value)) : undefined);
  }
  if (typeof value !== 'number') return undefined;
  if (value >= 60) return 'fatal';
  if (value >= 50) return 'error';
  if (value >= 40) return 'warn';
  if (value >= 30) return 'info';
  if (value >= 20) return 'debug';
  if (value >= 10) return 'trace';
  if (value === 7) return 'debug';
  if (value === 5 || value === 6) return 'info';
  if (value === 4) return 'warn';
  if (value === 3) return 'error';
  return value >= 0 && value <= 2 ? 'fatal' : undefined;
}

/** Level words of a plain line, as programs write them: in capitals anywhere near its start, or in brackets. */
const WORD =
  /\b(TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERROR|ERR|SEVERE|CRIT|CRITICAL|FATAL|ALERT|EMERG|PANIC)\b|[[<](trace|debug|info|notice|warn|warning|error|err|crit|critical|fatal|alert|emerg|panic)[\]>]|^(trace|debug|info|notice|warn|warning|error|critical|fatal|panic):/;

/** How far into a line its level is looked for. */
const HEAD_CHARS = 120;

export function levelInText(text: string): Level | undefined {
  const match = WORD.exec(text.length > HEAD_CHARS ? text.slice(0, HEAD_CHARS) : text);
  return match === null ? undefined : levelOf(match[1] ?? match[2] ?? match[3]);
}
