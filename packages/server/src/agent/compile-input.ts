/** One entry of `inputs:` in the agent's file, with its globs made absolute and its patterns compiled. */
import { resolve } from 'node:path';
import { faultsOfRedaction } from 'tailrace/redaction';
import type { InputSettings } from './agent-settings.ts';
import type { AgentInput } from './input.ts';

export function compileInput(input: InputSettings, i: number, cwd: string, faults: string[]): AgentInput[] {
  const at = `inputs[${i}]`;
  const {
    name,
    include,
    exclude = [],
    multiline,
    pathPattern,
    timezone,
    service,
    environment,
    version,
    ...rest
  } = input;
  const start =
    typeof multiline === 'object' ? compileForLines(`${at}.multiline.start`, multiline.start, faults) : undefined;
  const pattern = pathPattern === undefined ? undefined : compile(`${at}.pathPattern`, pathPattern, faults);
  // A format that names what a line is has entries of one line.
  const isOneLine = input.format !== 'auto' && input.format !== 'text';
  return [
    {
      ...rest,
      name: name ?? `input-${i + 1}`,
      include: include.map((glob) => resolve(cwd, glob)),
      exclude: exclude.map((glob) => (glob.includes('/') ? resolve(cwd, glob) : `**/${glob}`)),
      multiline: start ?? (typeof multiline === 'string' ? multiline : isOneLine ? 'off' : 'auto'),
      zone: timezone,
      pathPattern: pattern,
      service,
      environment,
      version,
    },
  ];
}

function compile(at: string, source: string, faults: string[]): RegExp | undefined {
  try {
    return new RegExp(source);
  } catch (error) {
    faults.push(
      `${at} is ${JSON.stringify(source)}; accepted: a regular expression (${error instanceof Error ? error.message : String(error)})`,
    );
    return undefined;
  }
}

/** A pattern is tried on every line: one that could take for ever on some of them is refused, as in the redaction. */
function compileForLines(at: string, source: string, faults: string[]): RegExp | undefined {
  const pattern = compile(at, source, faults);
  if (pattern === undefined) return undefined;
  for (const fault of faultsOfRedaction({ patterns: [{ kind: at, pattern }] })) {
    faults.push(`${at}: ${fault.replace(/^redaction\.patterns: /, '')}`);
  }
  return pattern;
}
