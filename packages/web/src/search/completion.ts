/** What is being typed at the caret: the name of a field, or the value of one. */
import { quoteValue, readClauses } from './clauses.ts';

export type Completion =
  | { readonly kind: 'field'; readonly prefix: string; readonly start: number; readonly end: number }
  | {
      readonly kind: 'value';
      readonly field: string;
      readonly prefix: string;
      readonly start: number;
      readonly end: number;
    };

/** `undefined` where nothing can be completed: inside a phrase, a range or a comparison. */
export function completionAt(query: string, caret: number): Completion | undefined {
  const clause = readClauses(query).find(({ start, end }) => start <= caret && caret <= end);
  if (clause === undefined) return { kind: 'field', prefix: '', start: caret, end: caret };
  if (clause.field !== undefined && caret >= clause.valueStart) {
    const typed = query.slice(clause.valueStart, caret);
    if (/^[[{(<>=]/.test(typed)) return undefined;
    const prefix = typed.replace(/^"/, '').replace(/"$/, '');
    return { kind: 'value', field: clause.field, prefix, start: clause.valueStart, end: clause.end };
  }
  const lead = /^[-!+(]*/.exec(clause.text)?.[0].length ?? 0;
  const prefix = query.slice(clause.start + lead, caret);
  if (caret < clause.start + lead || !/^[\p{L}\p{N}_.@-]*$/u.test(prefix)) return undefined;
  // In the middle of `service:payments` only the name is replaced, and its colon stays.
  const end = clause.field === undefined ? clause.end : clause.valueStart;
  return { kind: 'field', prefix, start: clause.start + lead, end };
}

/** The search with the completion in place, and where the caret goes. */
export function complete(query: string, at: Completion, choice: string): { query: string; caret: number } {
  const after = query.slice(at.end);
  const spaced = at.kind === 'value' && !after.startsWith(' ') ? ' ' : '';
  const text = at.kind === 'field' ? `${choice}:` : `${quoteValue(choice)}${spaced}`;
  const caret = at.start + text.length + (at.kind === 'value' && spaced === '' ? 1 : 0);
  return { query: query.slice(0, at.start) + text + after, caret };
}

/** Candidates for a prefix: those that begin with it, then those that hold it, each in the order given. */
export function matching(candidates: readonly string[], prefix: string, limit: number): string[] {
  const wanted = prefix.toLowerCase();
  const begins = candidates.filter((candidate) => candidate.toLowerCase().startsWith(wanted));
  const holds = candidates.filter((candidate) => candidate.toLowerCase().indexOf(wanted) > 0);
  return [...begins, ...holds].slice(0, limit);
}
