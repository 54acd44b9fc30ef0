import { keepPreviousData, useInfiniteQuery } from '@tanstack/react-query';
import { type FormEvent, useMemo, useState } from 'react';
import { useClient } from '../api/api-context.tsx';
import type { DeadFilter, DeadLetter, DeadPage } from '../api/types.ts';
import { Failure } from '../shell/failure.tsx';
import { Icon } from '../shell/icons.tsx';
import { useSettings } from '../shell/settings.tsx';
import type { ChangeView } from '../state/use-view.ts';
import type { ViewState } from '../state/view-state.ts';
import { LetterDrawer } from './letter-drawer.tsx';
import { PurgePanel } from './purge-panel.tsx';
import { ReplayPanel } from './replay-panel.tsx';
import './dead.css';

const PAGE_SIZE = 100;
const REFRESH_MS = 5000;
const RARE_REFRESH_MS = 60_000;
const MANY = 2000;

export function DeadScreen({ view, change }: { view: ViewState; change: ChangeView }) {
  const { messages } = useSettings();
  const words = messages.dead;
  const client = useClient();
  const { cause, find } = view;
  const filter = useMemo<DeadFilter>(
    () => ({ ...(cause !== undefined && { cause }), ...(find !== undefined && { text: find }) }),
    [cause, find],
  );
  const { data, error, isPending, refetch, fetchNextPage, hasNextPage, isFetchingNextPage } = useInfiniteQuery({
    queryKey: ['dead', 'list', filter],
    queryFn: ({ pageParam, signal }) =>
      client.deadLetters(
        { ...filter, limit: PAGE_SIZE, ...(pageParam !== undefined && { cursor: pageParam }) },
        signal,
      ),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.cursor ?? undefined,
    placeholderData: keepPreviousData,
    // To list many is work for the server.
    refetchInterval: ({ state }) => ((state.data?.pages[0]?.count ?? 0) > MANY ? RARE_REFRESH_MS : REFRESH_MS),
    staleTime: 0,
  });
  const first = data?.pages[0];
  return (
    <main className="dead-screen" id="results">
      <h1>{words.title}</h1>
      <p className="muted dead-intro">{words.intro}</p>
      {isPending && <div className="skeleton skeleton-panel" role="status" aria-label={words.loading} />}
      {error !== null && <Failure error={error} onRetry={() => void refetch()} />}
      {first !== undefined && <PlaceTold page={first} />}
      {first !== undefined && first.count > 0 && (
        <>
          <Controls key={JSON.stringify(filter)} page={first} filter={filter} change={change} />
          <Causes page={first} chosen={cause} change={change} />
          <Letters
            letters={data?.pages.flatMap(({ dead }) => dead) ?? []}
            matching={first.matching}
            onOpen={(id) => change({ letter: id })}
            onMore={hasNextPage && !isFetchingNextPage ? () => void fetchNextPage() : undefined}
          />
        </>
      )}
      {view.letter !== undefined && (
        <LetterDrawer id={view.letter} onClose={() => change({ letter: undefined }, 'replace')} />
      )}
    </main>
  );
}

/** How many there are, how near the bound is, and what is wrong with their place. */
function PlaceTold({ page }: { page: DeadPage }) {
  const { messages, locale } = useSettings();
  const words = messages.dead;
  const n = (value: number) => new Intl.NumberFormat(locale).format(value);
  const percent = new Intl.NumberFormat(locale, { style: 'percent', maximumFractionDigits: 0 }).format(page.fill);
  return (
    <>
      {page.count === 0 ? (
        <div className="dead-none card" role="status">
          <Icon name="check" />
          <div>
            <strong>{words.none}</strong>
            <p className="muted">{words.noneHint}</p>
          </div>
        </div>
      ) : (
        <p className="dead-place">
          <strong>{words.count(n(page.count))}</strong>
          <span className={page.fill >= 0.8 ? 'warning-text' : 'muted'}>{words.fill(percent)}</span>
        </p>
      )}
      {page.discarded > 0 && <p className="warning-text">{words.discarded(n(page.discarded))}</p>}
      {page.waiting > 0 && <p className="warning-text">{words.waiting(n(page.waiting), page.place)}</p>}
      {page.failure !== null && (
        <p className="fault-text" role="alert">
          {words.failure(page.place, page.failure)}
        </p>
      )}
    </>
  );
}

function Controls({ page, filter, change }: { page: DeadPage; filter: DeadFilter; change: ChangeView }) {
  const { messages, locale } = useSettings();
  const words = messages.dead;
  const [typed, setTyped] = useState(filter.text ?? '');
  const [panel, setPanel] = useState<'replay' | 'purge'>();
  const choice = useMemo(() => (Object.keys(filter).length === 0 ? { all: true as const } : { filter }), [filter]);
  const count = new Intl.NumberFormat(locale).format(page.matching);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    change({ find: typed.trim() === '' ? undefined : typed.trim() });
  };
  return (
    <>
      <div className="dead-controls">
        <search>
          <form onSubmit={submit}>
            <input
              className="field"
              type="search"
              aria-label={words.search}
              placeholder={words.search}
              value={typed}
              onChange={(event) => setTyped(event.target.value)}
            />
          </form>
        </search>
        <button
          type="button"
          className="button"
          disabled={page.matching === 0}
          onClick={() => setPanel(panel === 'replay' ? undefined : 'replay')}
        >
          <Icon name="refresh" />
          {words.replayAll(count)}
        </button>
        <button
          type="button"
          className="button"
          disabled={page.matching === 0}
          onClick={() => setPanel(panel === 'purge' ? undefined : 'purge')}
        >
          {words.purgeAll(count)}
        </button>
      </div>
      {panel === 'replay' && <ReplayPanel choice={choice} onClose={() => setPanel(undefined)} />}
      {panel === 'purge' && <PurgePanel choice={choice} count={page.matching} onClose={() => setPanel(undefined)} />}
    </>
  );
}

interface CausesProps {
  readonly page: DeadPage;
  readonly chosen: string | undefined;
  readonly change: ChangeView;
}

function Causes({ page, chosen, change }: CausesProps) {
  const { messages, time, locale } = useSettings();
  const words = messages.dead;
  const format = new Intl.NumberFormat(locale);
  return (
    <section aria-labelledby="dead-causes">
      <h2 id="dead-causes">{words.causes}</h2>
      <div className="table-scroll">
        <table className="dead-table">
          <thead>
            <tr>
              <th scope="col" className="number">
                {words.number}
              </th>
              <th scope="col">{words.cause}</th>
              <th scope="col">{words.newest}</th>
            </tr>
          </thead>
          <tbody>
            {page.causes.map(({ cause, count, lastAt }) => (
              <tr key={cause} className={cause === chosen ? 'is-chosen' : undefined}>
                <td className="number">{format.format(count)}</td>
                <th scope="row">
                  <button
                    type="button"
                    className="row-button"
                    aria-pressed={cause === chosen}
                    onClick={() => change({ cause: cause === chosen ? undefined : cause })}
                  >
                    {cause}
                    {cause === chosen && <Icon name="close" />}
                  </button>
                </th>
                <td title={time.utc(Date.parse(lastAt))}>{time.dateTime(Date.parse(lastAt))}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

interface LettersProps {
  readonly letters: readonly DeadLetter[];
  readonly matching: number;
  readonly onOpen: (id: string) => void;
  readonly onMore: (() => void) | undefined;
}

function Letters({ letters, matching, onOpen, onMore }: LettersProps) {
  const { messages, time, locale } = useSettings();
  const words = messages.dead;
  const format = new Intl.NumberFormat(locale);
  if (letters.length === 0) return <p role="status">{words.noMatch}</p>;
  return (
    <section aria-labelledby="dead-letters">
      <h2 id="dead-letters">
        {words.letters}
        <span className="muted small"> {words.shown(format.format(letters.length), format.format(matching))}</span>
      </h2>
      <div className="table-scroll">
        <table className="dead-table">
          <thead>
            <tr>
              <th scope="col">{words.time}</th>
              <th scope="col">{words.service}</th>
              <th scope="col">{words.sink}</th>
              <th scope="col">{words.reason}</th>
              <th scope="col" className="number">
                {words.rounds}
              </th>
            </tr>
          </thead>
          <tbody>
            {letters.map((letter) => (
              <tr key={letter.id}>
                <td title={time.utc(Date.parse(letter.at))}>{time.dateTime(Date.parse(letter.at))}</td>
                <td>{letter.service ?? '–'}</td>
                <td>{letter.sink}</td>
                <th scope="row">
                  <button
                    type="button"
                    className="row-button"
                    aria-label={words.open(letter.reason)}
                    onClick={() => onOpen(letter.id)}
                  >
                    {letter.reason}
                  </button>
                </th>
                <td className="number">{format.format(letter.rounds)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {onMore !== undefined && (
        <button type="button" className="button dead-more" onClick={onMore}>
          {words.more}
        </button>
      )}
    </section>
  );
}
