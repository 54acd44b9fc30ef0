import { Inject, Injectable, type LoggerService, type LogLevel } from '@nestjs/common';
import type { Level } from '../../event.ts';
import type { Tailrace } from '../../tailrace.ts';
import { TAILRACE } from './tokens.ts';

const LEVEL_OF: Readonly<Record<LogLevel, Level>> = {
  verbose: 'trace',
  debug: 'debug',
  log: 'info',
  warn: 'warn',
  error: 'error',
  fatal: 'fatal',
};
const LOWEST_FIRST: readonly LogLevel[] = ['verbose', 'debug', 'log', 'warn', 'error', 'fatal'];

/**
 * Nest's own lines, and those of `new Logger('Orders')`, as events: the context becomes the topic.
 *
 * @example
 * ```ts
 * const app = await NestFactory.create(AppModule, { bufferLogs: true });
 * app.useLogger(app.get(TailraceLoggerService));
 * ```
 */
@Injectable()
export class TailraceLoggerService implements LoggerService {
  readonly #tailrace: Tailrace;

  constructor(@Inject(TAILRACE) tailrace: Tailrace) {
    this.#tailrace = tailrace;
  }

  log(message: unknown, ...rest: unknown[]): void {
    this.#write('log', message, rest);
  }

  fatal(message: unknown, ...rest: unknown[]): void {
    this.#write('fatal', message, rest);
  }

  error(message: unknown, ...rest: unknown[]): void {
    this.#write('error', message, rest);
  }

  warn(message: unknown, ...rest: unknown[]): void {
    this.#write('warn', message, rest);
  }

  debug(message: unknown, ...rest: unknown[]): void {
    this.#write('debug', message, rest);
  }

  verbose(message: unknown, ...rest: unknown[]): void {
    this.#write('verbose', message, rest);
  }

  setLogLevels(levels: LogLevel[]): void {
    const lowest = LOWEST_FIRST.find((level) => levels.includes(level));
    if (lowest !== undefined) this.#tailrace.log.setLevel(LEVEL_OF[lowest]);
  }

  /** Nest gives (message, …more messages, context), and for errors (message, stack, context). */
  #write(level: LogLevel, message: unknown, rest: readonly unknown[]): void {
    const last = rest.at(-1);
    const topic = typeof last === 'string' ? last : undefined;
    const more = (topic === undefined ? rest : rest.slice(0, -1)).filter((value) => value !== undefined);
    const log = topic === undefined || topic === '' ? this.#tailrace.log : this.#tailrace.child(topic);
    const [first] = more;
    const isStack = level === 'error' && more.length === 1 && typeof first === 'string' && !(message instanceof Error);
    if (isStack) log.log(LEVEL_OF[level], message, { 'error.message': message, 'error.stack': first });
    else if (more.length === 0) log.log(LEVEL_OF[level], message);
    else if (more.length === 1 && (first instanceof Error || isRecord(first))) log.log(LEVEL_OF[level], message, first);
    else log.log(LEVEL_OF[level], message, { details: more });
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
