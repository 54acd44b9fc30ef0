/**
 * Which line goes on with the entry before it: stack traces of Java, Python, Node and Go, and whatever is indented. The
 * answer depends on the lines alone, never on when they came.
 *
 * - A line that begins with white space goes on, unless the entry is a JSON object.
 * - Java: `Caused by:`, `Suppressed:`, `... 12 more`, and the name of an exception behind a line of level error.
 * - Python: everything from `Traceback` to the line with the error, and the traces chained to it. A trace belongs to the
 *   line before it where that has the level of an error, as `logger.exception` writes it; else it begins an entry.
 * - Node: the properties behind a trace, up to the `}` that stands alone.
 * - Go: the goroutines behind `panic:`, up to `exit status`.
 *
 * Where an input gives a pattern of its own for the first line of an entry, that alone decides.
 */
import { levelInText } from './parse/levels.ts';

export type Multiline = 'auto' | 'off' | RegExp;

/** What is known of the entry that is open. */
export type EntryState = 'structured' | 'text' | 'failing' | 'python' | 'python_end' | 'go';

export type Verdict =
  | { readonly continues: true; readonly state: EntryState }
  | { readonly continues: false; readonly state: EntryState };

/** Patterns look at so much of a line. */
const HEAD_CHARS = 512;

const TRACEBACK = 'Traceback (most recent call last):';
const JAVA_TAIL = /^(?:Caused by: |Suppressed: |\.\.\. \d{1,6} (?:more|common frames))/;
const JAVA_ERROR = /^(?:[A-Za-z_$][\w$]{0,100}\.){1,20}[A-Z][\w$]{0,150}(?:Exception|Error|Throwable)(?::|$)/;
const PYTHON_ERROR = /^[A-Za-z_][\w.]{0,200}(?::|$)/;
const PYTHON_CHAIN = /^(?:During handling of the above exception|The above exception was the direct cause)/;
const GO_START = /^(?:panic|fatal error): /;
const GO_TAIL =
  /^(?:goroutine \d|created by |\[signal |exit status \d|runtime\.|main\.|[\w./*()-]{1,200}\.[\w.*()[\]]{1,200}\(|\tpanic: |panic: )/;

/** Judges a line that isn't blank. @param open - the state of the open entry, `undefined` where there is none. */
export function judgeLine(rule: Multiline, open: EntryState | undefined, line: string): Verdict {
  const head = line.length > HEAD_CHARS ? line.slice(0, HEAD_CHARS) : line;
  if (rule === 'off') return { continues: false, state: 'text' };
  if (rule instanceof RegExp) return { continues: open !== undefined && !rule.test(head), state: 'text' };
  if (open === undefined) return { continues: false, state: firstState(head) };
  const next = nextState(open, head);
  return next === undefined ? { continues: false, state: firstState(head) } : { continues: true, state: next };
}

/** True where blank lines may stand within an entry. */
export function spansBlankLines(rule: Multiline, open: EntryState): boolean {
  return rule instanceof RegExp || open === 'python' || open === 'python_end' || open === 'go';
}

/** True where the entry is complete as it is, whatever comes next. */
export function endsAtOnce(rule: Multiline, open: EntryState): boolean {
  return rule === 'off' || (rule === 'auto' && open === 'structured');
}

function firstState(head: string): EntryState {
  if (head.startsWith('{')) return 'structured';
  if (head.startsWith(TRACEBACK)) return 'python';
  if (GO_START.test(head)) return 'go';
  const level = levelInText(head);
  return level === 'error' || level === 'fatal' ? 'failing' : 'text';
}

function nextState(open: EntryState, head: string): EntryState | undefined {
  if (open === 'structured') return undefined;
  const isIndented = head.startsWith(' ') || head.startsWith('\t');
  switch (open) {
    case 'python':
      if (isIndented || head.startsWith(TRACEBACK)) return 'python';
      return PYTHON_ERROR.test(head) ? 'python_end' : undefined;
    case 'python_end':
      if (PYTHON_CHAIN.test(head) || head.startsWith(TRACEBACK)) return 'python';
      return isIndented ? 'python_end' : undefined;
    case 'go':
      return isIndented || GO_TAIL.test(head) ? 'go' : undefined;
    default:
      if (isIndented || JAVA_TAIL.test(head) || head === '}') return open;
      if (open !== 'failing') return undefined;
      if (head.startsWith(TRACEBACK)) return 'python';
      return JAVA_ERROR.test(head) ? 'failing' : undefined;
  }
}
