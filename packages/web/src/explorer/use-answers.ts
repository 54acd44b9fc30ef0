import { keepPreviousData, useInfiniteQuery, useQueries, useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import { useClient } from '../api/api-context.tsx';
import type { SearchParams } from '../api/client.ts';
import type { Facet, Measure } from '../api/types.ts';
import { filtersOf, withoutField } from '../search/filters.ts';

export const FACET_FIELDS = ['service', 'route', 'level', 'status', 'error.code', 'sampling.rule'] as const;
export type FacetField = (typeof FACET_FIELDS)[number];

export const PAGE_SIZE = 200;
const FACET_VALUES = 8;

export function useEvents(params: SearchParams) {
  const client = useClient();
  return useInfiniteQuery({
    queryKey: ['events', params],
    queryFn: ({ pageParam, signal }) =>
      client.events({ ...params, limit: PAGE_SIZE, ...(pageParam === undefined ? {} : { cursor: pageParam }) }, signal),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.cursor ?? undefined,
    placeholderData: keepPreviousData,
  });
}

export function useHistogram(params: SearchParams) {
  const client = useClient();
  return useQuery({
    queryKey: ['histogram', params],
    queryFn: ({ signal }) => client.histogram(params, signal),
    placeholderData: keepPreviousData,
  });
}

/**
 * The top values of each facet. A field that the search filters on is asked for once more without its own filter, so that
 * the values beside the chosen one stay in sight.
 */
export function useFacets(params: SearchParams) {
  const client = useClient();
  const filtered = FACET_FIELDS.filter((field) => filtersOf(params.q, field).some(({ state }) => state === 'included'));
  const free = FACET_FIELDS.filter((field) => !filtered.includes(field));
  const questions = [
    { fields: free as readonly string[], q: params.q },
    ...filtered.map((field) => ({ fields: [field] as readonly string[], q: withoutField(params.q, field) })),
  ].filter(({ fields }) => fields.length > 0);

  return useQueries({
    queries: questions.map(({ fields, q }) => ({
      queryKey: ['facets', { ...params, q }, fields],
      queryFn: ({ signal }: { signal: AbortSignal }) =>
        client.facets({ ...params, q, fields, limit: FACET_VALUES }, signal),
      placeholderData: keepPreviousData,
    })),
    combine: (answers) => ({
      facets: answers.flatMap(({ data }): readonly Facet[] => data?.facets ?? []),
      isPending: answers.some(({ isPending }) => isPending),
      error: answers.find(({ error }) => error !== null)?.error ?? null,
    }),
  });
}

export interface Summary {
  readonly events: Measure;
  readonly errorRate: Measure | undefined;
  readonly p50: Measure | undefined;
  readonly p99: Measure | undefined;
}

export function useSummary(params: SearchParams) {
  const client = useClient();
  const { data, error, isPending, refetch } = useQuery({
    queryKey: ['summary', params],
    queryFn: ({ signal }) =>
      client.query(
        {
          from: params.from,
          to: params.to,
          where: params.q,
          aggregates: [
            { fn: 'count', as: 'events' },
            { fn: 'error_rate', as: 'error_rate' },
            { fn: 'percentile', field: 'duration_ms', p: 50, as: 'p50' },
            { fn: 'percentile', field: 'duration_ms', p: 99, as: 'p99' },
          ],
        },
        signal,
      ),
    placeholderData: keepPreviousData,
  });
  const summary = useMemo((): Summary | undefined => {
    if (data === undefined) return undefined;
    const row = data.rows[0] ?? {};
    return {
      events: asMeasure(row.events) ?? 0,
      errorRate: asMeasure(row.error_rate),
      p50: asMeasure(row.p50),
      p99: asMeasure(row.p99),
    };
  }, [data]);
  return { summary, meta: data?.meta, error, isPending, refetch };
}

function asMeasure(value: unknown): Measure | undefined {
  if (typeof value === 'number') return value;
  if (typeof value !== 'object' || value === null) return undefined;
  const { value: middle, low, high } = value as Readonly<Record<string, unknown>>;
  if (typeof middle !== 'number' || typeof low !== 'number' || typeof high !== 'number') return undefined;
  return { value: middle, low, high };
}

export function useFields() {
  const client = useClient();
  return useQuery({ queryKey: ['fields'], queryFn: ({ signal }) => client.fields(signal), staleTime: 60_000 });
}
