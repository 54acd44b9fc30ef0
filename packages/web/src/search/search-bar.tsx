// biome-ignore-all lint/a11y/useSemanticElements: a select can't suggest while one types
import { type KeyboardEvent, type RefObject, useEffect, useId, useState } from 'react';
import type { ApiError } from '../api/api-error.ts';
import { Icon } from '../shell/icons.tsx';
import { useMessages } from '../shell/settings.tsx';
import { useStored } from '../state/stored.ts';
import type { TimeRange } from '../time/range.ts';
import { complete } from './completion.ts';
import { excerptFault } from './fault.ts';
import { rememberSearch } from './recent.ts';
import { type Suggestions, useSuggestions } from './use-suggestions.ts';
import './search-bar.css';

interface Props {
  /** The search that was run. */
  readonly query: string;
  readonly range: TimeRange;
  readonly fault: ApiError | undefined;
  readonly inputRef: RefObject<HTMLInputElement | null>;
  readonly onRun: (query: string) => void;
}

const readRecent = (text: string | undefined): string[] => {
  try {
    const value: unknown = JSON.parse(text ?? '[]');
    return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
  } catch {
    return [];
  }
};
const writeRecent = (recent: string[]) => JSON.stringify(recent);

export function SearchBar({ query, range, fault, inputRef, onRun }: Props) {
  const { search: words } = useMessages();
  const [draft, setDraft] = useState(query);
  const [caret, setCaret] = useState(query.length);
  const [isOpen, setOpen] = useState(false);
  const [active, setActive] = useState(-1);
  const [recent, setRecent] = useStored('tailrace.recentSearches', readRecent, writeRecent);
  const suggestions = useSuggestions(draft, caret, range, recent, isOpen);
  const listId = useId();
  const faultId = useId();
  const choices = isOpen ? suggestions.choices : [];
  const chosen = choices[active];

  // The search also changes from elsewhere: a facet, a link, the back button.
  useEffect(() => {
    setDraft(query);
    setCaret(query.length);
  }, [query]);

  const run = (text: string) => {
    setOpen(false);
    setActive(-1);
    setRecent(rememberSearch(recent, text));
    onRun(text.trim());
  };

  const choose = (choice: string) => {
    setActive(-1);
    if (suggestions.kind === 'recent' || suggestions.completion === undefined) {
      setDraft(choice);
      run(choice);
      return;
    }
    const done = complete(draft, suggestions.completion, choice);
    setDraft(done.query);
    setCaret(done.caret);
    setOpen(suggestions.kind === 'field');
    const input = inputRef.current;
    requestAnimationFrame(() => {
      input?.focus();
      input?.setSelectionRange(done.caret, done.caret);
    });
  };

  const onKeyDown = (event: KeyboardEvent<HTMLInputElement>) => {
    if (event.nativeEvent.isComposing) return;
    const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
    if (step !== 0) {
      event.preventDefault();
      setOpen(true);
      const count = suggestions.choices.length;
      if (count > 0) setActive((before) => (before + step + count + 1) % (count + 1) || (step > 0 ? 0 : count - 1));
    } else if (event.key === 'Enter') {
      event.preventDefault();
      if (chosen !== undefined) choose(chosen);
      else run(draft);
    } else if (event.key === 'Tab' && chosen !== undefined) {
      event.preventDefault();
      choose(chosen);
    } else if (event.key === 'Escape') {
      event.stopPropagation();
      if (choices.length > 0) setOpen(false);
      else event.currentTarget.blur();
    }
  };

  return (
    <search className="search">
      <form
        className={fault ? 'search-box faulty' : 'search-box'}
        onSubmit={(event) => {
          event.preventDefault();
          run(draft);
        }}
      >
        <Icon name="search" />
        <input
          ref={inputRef}
          type="search"
          aria-label={words.label}
          aria-autocomplete="list"
          aria-controls={listId}
          aria-activedescendant={chosen === undefined ? undefined : `${listId}-${active}`}
          aria-invalid={fault !== undefined}
          aria-describedby={fault ? faultId : undefined}
          title={words.hint}
          placeholder={words.placeholder}
          value={draft}
          maxLength={8192}
          spellCheck={false}
          autoComplete="off"
          autoCapitalize="off"
          enterKeyHint="search"
          onChange={(event) => {
            setDraft(event.target.value);
            setCaret(event.target.selectionStart ?? event.target.value.length);
            setOpen(true);
            setActive(-1);
          }}
          onSelect={(event) => setCaret(event.currentTarget.selectionStart ?? 0)}
          onClick={() => setOpen(true)}
          onBlur={() => setOpen(false)}
          onKeyDown={onKeyDown}
        />
        {draft !== '' && (
          <button
            type="button"
            className="icon-button"
            aria-label={words.clear}
            onClick={() => {
              setDraft('');
              run('');
              inputRef.current?.focus();
            }}
          >
            <Icon name="close" />
          </button>
        )}
        <kbd className="search-key">/</kbd>
        <button type="submit" className="button primary search-run">
          {words.run}
        </button>
        <SuggestionList listId={listId} suggestions={suggestions} choices={choices} active={active} onChoose={choose} />
      </form>
      {fault !== undefined && <Fault id={faultId} query={query} fault={fault} />}
    </search>
  );
}

interface ListProps {
  readonly listId: string;
  readonly suggestions: Suggestions;
  readonly choices: readonly string[];
  readonly active: number;
  readonly onChoose: (choice: string) => void;
}

function SuggestionList({ listId, suggestions, choices, active, onChoose }: ListProps) {
  const { search: words } = useMessages();
  const { completion, kind } = suggestions;
  const title =
    kind === 'recent' ? words.recent : completion?.kind === 'value' ? words.valuesOf(completion.field) : words.fields;
  return (
    <div id={listId} role="listbox" aria-label={title} className="suggestions" hidden={choices.length === 0}>
      <p className="suggestions-title" aria-hidden="true">
        {title}
      </p>
      {choices.map((choice, i) => (
        <div
          key={choice}
          id={`${listId}-${i}`}
          role="option"
          aria-selected={i === active}
          tabIndex={-1}
          className="suggestion"
          // Before the input loses the focus, and the list closes.
          onPointerDown={(event) => {
            event.preventDefault();
            onChoose(choice);
          }}
        >
          {choice}
        </div>
      ))}
      <p className="suggestions-hint" aria-hidden="true">
        {words.shortcuts}
      </p>
    </div>
  );
}

function Fault({ id, query, fault }: { id: string; query: string; fault: ApiError }) {
  const { search: words } = useMessages();
  const { position } = fault;
  const excerpt = position === undefined ? undefined : excerptFault(query, position);
  return (
    <div id={id} className="search-fault" role="alert">
      <p>
        <strong>{words.fault}</strong>
        {position !== undefined && <span className="muted"> ({words.faultAt(position + 1)})</span>}: {fault.message}
        {fault.hint !== undefined && <span className="muted"> · {fault.hint}</span>}
      </p>
      {excerpt !== undefined && (
        <code className="fault-line">
          {excerpt.before}
          <mark>{excerpt.at}</mark>
          {excerpt.after}
        </code>
      )}
    </div>
  );
}
