/** What a stack trace says of its error: Java, Python, Node, Go. */

export interface StackFields {
  readonly 'error.type'?: string;
  readonly 'error.message'?: string;
  readonly 'error.stack': string;
}

/** `java.lang.IllegalStateException: broken`, `ValueError: no such id`, `TypeError [ERR_X]: bad`. */
const NAMED =
  /^(?:Exception in thread "[^"]{0,200}" |Uncaught |Unhandled exception:? )?((?:[A-Za-z_$][\w$]{0,100}\.){0,20}[A-Z_$][\w$]{0,200})(?: \[[\w.]{1,100}\])?(?::\s?([\s\S]*))?$/;
const ERROR_NAME = /(?:Error|Exception|Throwable|Warning|Interrupt|Exit|Failure|Fault)$/;

/** @param lines - of one entry, at least two of them. */
export function describeStack(lines: readonly string[]): StackFields | undefined {
  const python = lines.findIndex((line) => line.startsWith('Traceback (most recent call last):'));
  if (python >= 0) return describePython(lines, python);
  const panic = lines.findIndex((line) => /^(?:panic|fatal error): /.test(line));
  if (panic >= 0 && lines.some((line) => /^goroutine \d/.test(line))) {
    const [type = 'panic', ...message] = (lines[panic] ?? '').split(': ');
    return { 'error.type': type, 'error.message': message.join(': '), 'error.stack': from(lines, panic) };
  }
  const frame = lines.findIndex((line) => /^\s+at \S/.test(line));
  if (frame < 1) return undefined;
  for (let i = frame - 1; i >= 0; i -= 1) {
    const named = nameOf(lines[i] ?? '');
    if (named !== undefined) return { ...named, 'error.stack': from(lines, i) };
  }
  return { 'error.stack': from(lines, 0) };
}

function describePython(lines: readonly string[], start: number): StackFields {
  // The last error of a chain is the one that was not caught.
  for (let i = lines.length - 1; i > start; i -= 1) {
    const line = lines[i] ?? '';
    if (line === '' || /^\s/.test(line)) continue;
    const match = /^([A-Za-z_][\w.]{0,200})(?::\s?(.*))?$/.exec(line);
    if (match?.[1] === undefined) continue;
    return { 'error.type': match[1], 'error.message': match[2] ?? '', 'error.stack': from(lines, start) };
  }
  return { 'error.stack': from(lines, start) };
}

/** Type and message, at the start of a line or behind the logger's own words. */
function nameOf(line: string): { readonly 'error.type': string; readonly 'error.message': string } | undefined {
  if (line.length > 4096) return undefined;
  const whole = NAMED.exec(line);
  const named =
    whole?.[1] !== undefined && ERROR_NAME.test(whole[1])
      ? { type: whole[1], message: whole[2] ?? '' }
      : nameWithin(line);
  return named === undefined ? undefined : { 'error.type': named.type, 'error.message': named.message };
}

function nameWithin(line: string): { readonly type: string; readonly message: string } | undefined {
  const words = line.split(' ');
  for (let i = 0; i < words.length && i < 100; i += 1) {
    const word = words[i] ?? '';
    const name = word.endsWith(':') ? word.slice(0, -1) : word;
    if (name.length < 200 && ERROR_NAME.test(name) && /^(?:[\w$]+\.)*[A-Z][\w$]*$/.test(name) && word !== name) {
      return { type: name, message: words.slice(i + 1).join(' ') };
    }
  }
  return undefined;
}

function from(lines: readonly string[], start: number): string {
  return lines.slice(start).join('\n');
}
