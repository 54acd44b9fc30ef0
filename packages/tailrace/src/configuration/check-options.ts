import { LEVELS, type Level } from '../event.ts';
import { isLevel } from '../logger/levels.ts';
import { parseRoutePattern } from '../sampling/index.ts';
import { nearestSpelling } from './spelling.ts';

const ROUTE_PATTERNS = 'a route such as /payments, /payments/:id, /payments/** or POST /payments';

/** Collects faults while it turns unknown values into known ones. */
export class Check {
  readonly faults: string[] = [];

  fault(name: string, value: unknown, accepted: string, hint?: string): void {
    const shown = value === undefined ? 'is missing' : `is ${show(value)}`;
    this.faults.push(`${name} ${shown}; accepted: ${accepted}${hint === undefined ? '' : `. Did you mean ${hint}?`}`);
  }

  record(name: string, value: unknown): Readonly<Record<string, unknown>> {
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value };
    this.fault(name, value, 'an object');
    return {};
  }

  object<K extends string>(name: string, value: unknown, keys: readonly K[]): Readonly<Partial<Record<K, unknown>>> {
    const known: Partial<Record<K, unknown>> = {};
    if (value === undefined) return known;
    const given = this.record(name, value);
    for (const key of Object.keys(given)) {
      if (keys.some((known) => known === key)) continue;
      const path = name === 'options' ? key : `${name}.${key}`;
      const near = nearestSpelling(key, keys);
      this.faults.push(
        `${path} is not an option; accepted: ${keys.join(', ')}${near === undefined ? '' : `. Did you mean ${near}?`}`,
      );
    }
    for (const key of keys) if (given[key] !== undefined) known[key] = given[key];
    return known;
  }

  list(name: string, value: unknown): readonly unknown[] {
    if (value === undefined) return [];
    if (Array.isArray(value)) return value;
    this.fault(name, value, 'a list');
    return [];
  }

  text(name: string, value: unknown, { isSecret = false } = {}): string | undefined {
    if (value === undefined) return undefined;
    if (typeof value === 'string' && value !== '') return value;
    this.fault(name, isSecret ? '(not shown)' : value, 'a text that is not empty');
    return undefined;
  }

  flag(name: string, value: unknown): boolean | undefined {
    if (value === undefined || typeof value === 'boolean') return value;
    this.fault(name, value, 'true or false');
    return undefined;
  }

  number(name: string, value: unknown, lowest: number, highest: number): number | undefined {
    if (value === undefined) return undefined;
    if (typeof value === 'number' && value >= lowest && value <= highest) return value;
    this.fault(
      name,
      value,
      highest >= Number.MAX_SAFE_INTEGER ? `a number from ${lowest} up` : `a number from ${lowest} to ${highest}`,
    );
    return undefined;
  }

  wholeNumber(name: string, value: unknown, lowest: number): number | undefined {
    if (value === undefined) return undefined;
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= lowest) return value;
    this.fault(name, value, `a whole number from ${lowest} up`);
    return undefined;
  }

  rate(name: string, value: unknown): number | undefined {
    return this.number(name, value, 0, 1);
  }

  oneOf<T extends string>(name: string, value: unknown, accepted: readonly T[]): T | undefined {
    if (value === undefined) return undefined;
    const found = accepted.find((word) => word === value);
    if (found === undefined) {
      this.fault(
        name,
        value,
        accepted.join(', '),
        typeof value === 'string' ? nearestSpelling(value, accepted) : undefined,
      );
    }
    return found;
  }

  level(name: string, value: unknown): Level | undefined {
    return isLevel(value) ? value : this.oneOf(name, value, LEVELS);
  }

  routePatterns(name: string, value: unknown): string[] | undefined {
    if (value === undefined) return undefined;
    const patterns: string[] = [];
    this.list(name, value).forEach((entry, i) => {
      if (typeof entry === 'string' && parseRoutePattern(entry) !== undefined) patterns.push(entry);
      else
        this.fault(
          `${name}[${i}]`,
          entry,
          ROUTE_PATTERNS,
          typeof entry === 'string' && !entry.startsWith('/') ? `/${entry}` : undefined,
        );
    });
    return patterns;
  }

  callback<A extends unknown[], R>(name: string, value: unknown): ((...args: A) => R) | undefined {
    if (value === undefined) return undefined;
    // What a function takes and gives can't be seen from outside.
    if (typeof value === 'function') return value as (...args: A) => R;
    this.fault(name, value, 'a function');
    return undefined;
  }
}

function show(value: unknown): string {
  if (typeof value === 'number' || typeof value === 'bigint') return String(value);
  if (typeof value === 'function') return 'a function';
  try {
    const text = JSON.stringify(value) ?? String(value);
    return text.length > 100 ? `${text.slice(0, 100)}…` : text;
  } catch {
    return 'something that cannot be shown';
  }
}
