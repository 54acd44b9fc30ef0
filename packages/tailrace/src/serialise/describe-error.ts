import { describeThrown, isError, nameOfClass, readProperty, toText } from './safe-read.ts';

const MAX_CAUSES = 5;
const MAX_ERRORS = 10;
const OWN_FIELDS = new Set(['name', 'message', 'code', 'stack', 'cause', 'errors', 'type']);

/** What is told of one error; the values are as found, and still to be limited and redacted. */
export interface ErrorFields {
  readonly code: string;
  readonly type: string;
  readonly message: string;
  readonly stack?: string;
  readonly causes?: readonly ErrorFields[];
  readonly errors?: readonly ErrorFields[];
  /** What was thrown, where it was an object but no error. */
  readonly value?: object;
}

/** The fields of whatever was thrown, with its causes and, for an AggregateError, its errors. Never throws. */
export function readErrorFields(thrown: unknown, includeStack: boolean): ErrorFields {
  const causes: ErrorFields[] = [];
  const seen = new Set<unknown>([thrown]);
  let cause = causeOf(thrown);
  while (cause !== undefined && causes.length < MAX_CAUSES && !seen.has(cause)) {
    seen.add(cause);
    causes.push(readOne(cause, includeStack));
    cause = causeOf(cause);
  }
  const errors = errorsOf(thrown).map((error) => readOne(error, includeStack));
  return {
    ...readOne(thrown, includeStack),
    ...(causes.length > 0 ? { causes } : {}),
    ...(errors.length > 0 ? { errors } : {}),
  };
}

/** Fields that a library or an application put on its error: `errno`, `statusCode`, `query`, … */
export function readOwnErrorFields(error: object, maxFields: number): Record<string, unknown> {
  const fields: Record<string, unknown> = Object.create(null);
  try {
    for (const key of Object.keys(error).slice(0, maxFields)) {
      if (!OWN_FIELDS.has(key)) fields[key] = readProperty(error, key);
    }
  } catch (thrown) {
    fields.unreadable = describeThrown(thrown);
  }
  return fields;
}

function readOne(thrown: unknown, includeStack: boolean): ErrorFields {
  if (typeof thrown !== 'object' || thrown === null) {
    const type = thrown === null ? 'null' : typeof thrown;
    return { code: type, type, message: toText(thrown) };
  }
  const name = textOf(readProperty(thrown, 'name'));
  const type = (name === 'Error' ? undefined : name) ?? nameOfClass(thrown) ?? name ?? 'object';
  const code = readProperty(thrown, 'code');
  const stack = includeStack ? textOf(readProperty(thrown, 'stack')) : undefined;
  const message = readProperty(thrown, 'message');
  return {
    code: typeof code === 'number' ? String(code) : (textOf(code) ?? type),
    type,
    message: typeof message === 'string' ? message : isError(thrown) ? '' : `thrown: ${type}`,
    ...(stack === undefined ? {} : { stack }),
    ...(isError(thrown) ? {} : { value: thrown }),
  };
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function causeOf(thrown: unknown): unknown {
  return typeof thrown === 'object' && thrown !== null ? readProperty(thrown, 'cause') : undefined;
}

function errorsOf(thrown: unknown): readonly unknown[] {
  if (!isError(thrown)) return [];
  const errors = readProperty(thrown, 'errors');
  try {
    return Array.isArray(errors) ? errors.slice(0, MAX_ERRORS) : [];
  } catch {
    return [];
  }
}
