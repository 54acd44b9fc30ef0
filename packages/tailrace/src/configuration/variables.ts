import { readFileSync } from 'node:fs';
import type { Check } from './check-options.ts';
import { nearestSpelling } from './spelling.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** A variable that is set to nothing is not set. */
export function nonEmpty(value: string | undefined): string | undefined {
  return value === undefined || value.trim() === '' ? undefined : value;
}

/** The number in a variable; the text itself where it is none, so that the fault shows it. */
export function numberOf(value: string | undefined): number | string | undefined {
  const text = nonEmpty(value);
  if (text === undefined) return undefined;
  const number = Number(text);
  return Number.isNaN(number) ? text : number;
}

const FLAGS: Readonly<Record<string, boolean>> = {
  true: true,
  false: false,
  '1': true,
  '0': false,
  on: true,
  off: false,
  yes: true,
  no: false,
};

/** Reads variables, and tells `check` of each that can't be understood. */
export class Variables {
  readonly #env: Environment;
  readonly #check: Check;

  constructor(env: Environment, check: Check) {
    this.#env = env;
    this.#check = check;
  }

  text(name: string): string | undefined {
    return nonEmpty(this.#env[name])?.trim();
  }

  /** A word of a few, in any case. */
  word<T extends string>(name: string, accepted: readonly T[]): T | undefined {
    return this.#check.oneOf(name, this.text(name)?.toLowerCase(), accepted);
  }

  flag(name: string): boolean | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const flag = FLAGS[text.toLowerCase()];
    if (flag === undefined) {
      this.#check.fault(name, text, 'true or false', nearestSpelling(text, ['true', 'false']));
    }
    return flag;
  }

  wholeNumber(name: string, lowest: number, highest: number): number | undefined {
    const value = numberOf(this.text(name));
    const accepted = `a whole number from ${lowest} to ${highest}`;
    if (value === undefined) return undefined;
    if (typeof value === 'number' && Number.isInteger(value) && value >= lowest && value <= highest) return value;
    this.#check.fault(name, value, accepted);
    return undefined;
  }

  /** The value itself, or the content of the file that `<name>_FILE` names. It is in no message. */
  secret(name: string): string | undefined {
    const value = this.text(name);
    const fileName = `${name}_FILE`;
    const file = this.text(fileName);
    if (file === undefined) return value;
    if (value !== undefined) {
      this.#check.faults.push(`${name} and ${fileName} are both set; accepted: one of them`);
      return undefined;
    }
    try {
      const content = nonEmpty(readFileSync(file, 'utf8'))?.trim();
      if (content === undefined) this.#check.fault(fileName, file, 'a file that is not empty');
      return content;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#check.fault(fileName, file, `a file that can be read (${reason})`);
      return undefined;
    }
  }

  /** A secret address: of a fault, only what is accepted is told. */
  secretUrl(name: string, protocols: readonly string[], example: string): string | undefined {
    const url = this.secret(name);
    if (url === undefined) return undefined;
    const protocol = protocols.find((one) => url.toLowerCase().startsWith(`${one}//`));
    // Addresses of databases may name several hosts, which is no URL.
    if (protocol !== undefined && (!/^https?:$/.test(protocol) || URL.canParse(url))) return url;
    this.#check.fault(name, '(not shown)', `an address such as ${example}`);
    return undefined;
  }

  /** @param why - which other variable asks for this one. */
  missing(name: string, accepted: string, why: string): void {
    this.#check.faults.push(`${name} is missing, and ${why} needs it; accepted: ${accepted}`);
  }

  /** A variable of this family that isn't known, and resembles one that is, was meant as that one. */
  checkSpelling(prefixes: readonly string[], known: readonly string[]): void {
    for (const name of Object.keys(this.#env)) {
      if (known.includes(name) || !prefixes.some((prefix) => name.startsWith(prefix))) continue;
      const near = nearestSpelling(name, known);
      if (near !== undefined) this.#check.faults.push(`${name} is not a setting. Did you mean ${near}?`);
    }
  }
}
