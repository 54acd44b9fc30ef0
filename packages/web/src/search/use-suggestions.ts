import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useClient } from '../api/api-context.tsx';
import { useFields } from '../explorer/use-answers.ts';
import type { TimeRange } from '../time/range.ts';
import { type Completion, completionAt, matching } from './completion.ts';

export interface Suggestions {
  readonly kind: 'field' | 'value' | 'recent';
  readonly completion: Completion | undefined;
  readonly choices: readonly string[];
}

const LIMIT = 9;
const NONE: readonly string[] = [];

/** What can stand where the caret is: recent searches while the bar is empty, then fields, and values after a colon. */
export function useSuggestions(
  query: string,
  caret: number,
  range: TimeRange,
  recent: readonly string[],
  enabled: boolean,
): Suggestions {
  const client = useClient();
  const fields = useFields();
  const completion = completionAt(query, caret);
  const field = completion?.kind === 'value' ? completion.field : undefined;
  const values = useQuery({
    queryKey: ['values', field, range],
    queryFn: ({ signal }) => client.facets({ q: '', ...range, fields: [field ?? ''], limit: 50 }, signal),
    enabled: enabled && field !== undefined,
    placeholderData: keepPreviousData,
  });

  if (query.trim() === '') return { kind: 'recent', completion: undefined, choices: recent.slice(0, LIMIT) };
  if (completion === undefined) return { kind: 'field', completion, choices: NONE };
  if (completion.kind === 'field') {
    const names = (fields.data ?? []).filter(({ type }) => type !== 'json').map(({ name }) => name);
    const choices = completion.prefix === '' ? NONE : matching(names, completion.prefix, LIMIT);
    return { kind: 'field', completion, choices };
  }
  const facet = values.data?.facets.find((other) => other.field === field);
  const choices = matching(
    (facet?.values ?? []).map(({ value }) => String(value)),
    completion.prefix,
    LIMIT,
  );
  return {
    kind: 'value',
    completion,
    choices: choices.length === 1 && choices[0] === completion.prefix ? NONE : choices,
  };
}
