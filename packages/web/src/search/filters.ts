/** Filters of a search string: which there are, and the string with one more or one less. */
import { type Clause, quoteValue, readClauses } from './clauses.ts';

export type FilterState = 'included' | 'excluded' | undefined;

export interface Filter {
  readonly value: string;
  readonly state: Exclude<FilterState, undefined>;
}

/** The values of a field that the search names, in the order in which it names them. */
export function filtersOf(query: string, field: string): Filter[] {
  return fieldClauses(query, field).flatMap((clause) =>
    clause.values.map((value): Filter => ({ value, state: clause.negated ? 'excluded' : 'included' })),
  );
}

export function filterState(query: string, field: string, value: string): FilterState {
  return filtersOf(query, field).find((filter) => filter.value === value)?.state;
}

/** The search that also asks for this value; where it asks for another value of the field, for either of them. */
export function includeFilter(query: string, field: string, value: string): string {
  if (filterState(query, field, value) === 'included') return query;
  const without = removeFilter(query, field, value);
  const present = fieldClauses(without, field).find((clause) => !clause.negated && clause.values.length > 0);
  if (present === undefined || hasAlternatives(without)) return addClause(without, `${field}:${quoteValue(value)}`);
  return replace(without, present, writeClause(field, false, [...present.values, value]));
}

/** The search that leaves out this value. */
export function excludeFilter(query: string, field: string, value: string): string {
  if (filterState(query, field, value) === 'excluded') return query;
  return addClause(removeFilter(query, field, value), `-${field}:${quoteValue(value)}`);
}

/** The search without this filter, included or excluded. */
export function removeFilter(query: string, field: string, value: string): string {
  let result = query;
  for (;;) {
    const clause = fieldClauses(result, field).find(({ values }) => values.includes(value));
    if (clause === undefined) return result;
    const rest = clause.values.filter((other) => other !== value);
    result = rest.length > 0 ? replace(result, clause, writeClause(field, clause.negated, rest)) : cut(result, clause);
  }
}

/** The search without any filter on this field; so a facet can show the values that its own filter hides. */
export function withoutField(query: string, field: string): string {
  let result = query;
  for (;;) {
    const clause = fieldClauses(result, field).find(({ values, negated }) => values.length > 0 && !negated);
    if (clause === undefined) return result;
    result = cut(result, clause);
  }
}

/** The search, and one clause more that must hold too. */
export function addClause(query: string, clause: string): string {
  const trimmed = query.trim();
  if (trimmed === '') return clause;
  return hasAlternatives(trimmed) ? `(${trimmed}) ${clause}` : `${trimmed} ${clause}`;
}

/** Clauses that can be edited by themselves: with an OR at the outermost level, none can. */
function fieldClauses(query: string, field: string): Clause[] {
  return hasAlternatives(query) ? [] : readClauses(query).filter((clause) => clause.field === field);
}

function hasAlternatives(query: string): boolean {
  return readClauses(query).some(({ kind, text }) => kind === 'operator' && (text === 'OR' || text === '||'));
}

function writeClause(field: string, negated: boolean, values: readonly string[]): string {
  const written = values.map(quoteValue);
  return `${negated ? '-' : ''}${field}:${written.length === 1 ? written[0] : `(${written.join(' OR ')})`}`;
}

function replace(query: string, clause: Clause, text: string): string {
  return tidy(query.slice(0, spanStart(query, clause)), text, query.slice(clause.end));
}

/** Takes a clause out, with the AND that joined it to another. */
function cut(query: string, clause: Clause): string {
  const before = query.slice(0, spanStart(query, clause));
  const after = query.slice(clause.end);
  const joined = /(?:^|\s)(?:AND|&&)\s*$/;
  if (joined.test(before)) return tidy(before.replace(joined, ''), '', after);
  return tidy(before, '', after.replace(/^\s*(?:AND|&&)(?=\s|$)/, ''));
}

/** Where a clause starts with the NOT before it, if there is one: a rewritten clause says it with a minus. */
function spanStart(query: string, clause: Clause): number {
  const not = /NOT\s+$/.exec(query.slice(0, clause.start));
  return not ? not.index : clause.start;
}

function tidy(before: string, middle: string, after: string): string {
  return [before.trim(), middle, after.trim()].filter((part) => part !== '').join(' ');
}
