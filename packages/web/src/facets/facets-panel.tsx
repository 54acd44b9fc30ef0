import type { MouseEvent } from 'react';
import type { Facet, FacetValue } from '../api/types.ts';
import { FACET_FIELDS, type FacetField } from '../explorer/use-answers.ts';
import { amountOf } from '../measure/format.ts';
import { MeasureShort } from '../measure/measure-text.tsx';
import { excludeFilter, type FilterState, filtersOf, includeFilter, removeFilter } from '../search/filters.ts';
import { Icon } from '../shell/icons.tsx';
import { useMessages } from '../shell/settings.tsx';
import './facets.css';

interface Props {
  readonly facets: readonly Facet[];
  readonly isPending: boolean;
  readonly query: string;
  readonly onSearch: (query: string) => void;
}

export function FacetsPanel({ facets, isPending, query, onSearch }: Props) {
  const { facets: words } = useMessages();
  return (
    <>
      {FACET_FIELDS.map((field) => {
        const facet = facets.find((other) => other.field === field);
        return (
          <FacetSection
            key={field}
            field={field}
            values={withChosen(facet?.values ?? [], query, field)}
            isPending={isPending && facet === undefined}
            query={query}
            onSearch={onSearch}
          />
        );
      })}
      <p className="muted small facets-hint">{words.hint}</p>
    </>
  );
}

/** A value that the search names stays in the list also when nothing has it. */
function withChosen(values: readonly FacetValue[], query: string, field: FacetField): readonly FacetValue[] {
  const absent = filtersOf(query, field).filter(({ value }) => !values.some((other) => String(other.value) === value));
  return [...values, ...absent.map(({ value }) => ({ value, count: 0 }))];
}

interface SectionProps {
  readonly field: FacetField;
  readonly values: readonly FacetValue[];
  readonly isPending: boolean;
  readonly query: string;
  readonly onSearch: (query: string) => void;
}

function FacetSection({ field, values, isPending, query, onSearch }: SectionProps) {
  const { facets: words } = useMessages();
  const states = new Map(filtersOf(query, field).map(({ value, state }) => [value, state]));
  const largest = Math.max(1, ...values.map(({ count }) => amountOf(count)));
  return (
    <details className="facet" open>
      <summary>
        <span>{words.names[field]}</span>
        <code className="muted">{field}</code>
      </summary>
      {isPending && <div className="skeleton skeleton-block" />}
      {!isPending && values.length === 0 && <p className="muted small facet-none">{words.none}</p>}
      <ul>
        {values.map(({ value, count }) => (
          <FacetRow
            key={String(value)}
            field={field}
            value={String(value)}
            count={count}
            share={amountOf(count) / largest}
            state={states.get(String(value))}
            query={query}
            onSearch={onSearch}
          />
        ))}
      </ul>
    </details>
  );
}

interface RowProps {
  readonly field: FacetField;
  readonly value: string;
  readonly count: FacetValue['count'];
  /** Of the largest count, in [0, 1]. */
  readonly share: number;
  readonly state: FilterState;
  readonly query: string;
  readonly onSearch: (query: string) => void;
}

function FacetRow({ field, value, count, share, state, query, onSearch }: RowProps) {
  const { facets: words } = useMessages();
  const exclude = () => onSearch(excludeFilter(query, field, value));
  const onClick = (event: MouseEvent) => {
    if (event.altKey) exclude();
    else onSearch(state === undefined ? includeFilter(query, field, value) : removeFilter(query, field, value));
  };
  const isTrouble = (field === 'level' && /^(error|fatal)$/.test(value)) || (field === 'status' && /^5/.test(value));
  return (
    <li className={`facet-row ${state ?? ''}`}>
      <button
        type="button"
        className="facet-value"
        aria-pressed={state !== undefined}
        title={state === undefined ? words.include(field, value) : words.remove(field, value)}
        onClick={onClick}
      >
        <i className={isTrouble ? 'facet-bar trouble' : 'facet-bar'} style={{ width: `${share * 100}%` }} />
        <span className="facet-mark" aria-hidden="true">
          {state === 'included' && <Icon name="check" />}
          {state === 'excluded' && <Icon name="minus" />}
        </span>
        <span className="facet-text">{value}</span>
        <span className="facet-count">
          <MeasureShort measure={count} unit="count" />
        </span>
      </button>
      <button type="button" className="facet-exclude" aria-label={words.exclude(field, value)} onClick={exclude}>
        <Icon name="minus" />
      </button>
    </li>
  );
}
