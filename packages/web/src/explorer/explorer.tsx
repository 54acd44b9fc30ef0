import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { isSearchFault } from '../api/api-error.ts';
import { useRetryFailed } from '../api/use-retry-failed.ts';
import { EventDrawer } from '../event/event-drawer.tsx';
import { idOf } from '../event/event-record.ts';
import { FacetsPanel } from '../facets/facets-panel.tsx';
import { addMeasures } from '../histogram/columns.ts';
import { HistogramPanel } from '../histogram/histogram-panel.tsx';
import { EventsGrid } from '../rows/events-grid.tsx';
import { mergeEvents } from '../rows/merge-events.ts';
import { EmptyRows, RowsFooter, RowsSkeleton } from '../rows/rows-states.tsx';
import { SearchBar } from '../search/search-bar.tsx';
import { SearchSyntax } from '../search/search-syntax.tsx';
import { Failure } from '../shell/failure.tsx';
import { Icon } from '../shell/icons.tsx';
import { useSettings } from '../shell/settings.tsx';
import type { ChangeView } from '../state/use-view.ts';
import type { ViewState } from '../state/view-state.ts';
import {
  absoluteRange,
  checkedRange,
  isRelative,
  PRESETS,
  presetOf,
  presetRange,
  type ResolvedRange,
  resolveRange,
  type TimeRange,
  zoomOut,
} from '../time/range.ts';
import { TimeRangePicker } from '../time/time-range-picker.tsx';
import { LiveNotices, LiveSwitch } from './live-switch.tsx';
import { SummaryStrip } from './summary-strip.tsx';
import { useEvents, useFacets, useHistogram, useSummary } from './use-answers.ts';
import { useShortcuts } from './use-shortcuts.ts';
import { useTail } from './use-tail.ts';
import './explorer.css';

const DAY_MS = 86_400_000;
const LIVE_REFRESH_MS = 5000;
/** Scrolled further than this, a reader is reading: the live tail waits. */
const READING_PX = 60;

export function Explorer({ view, change }: { view: ViewState; change: ChangeView }) {
  const { messages, locale } = useSettings();
  const { q } = view;
  const range = checkedRange(view.range, Date.now());
  const isLive = view.live && isRelative(range);
  const searchInput = useRef<HTMLInputElement>(null);
  const results = useRef<HTMLElement>(null);
  const [showsFacets, setShowsFacets] = useState(false);
  const [refreshed, setRefreshed] = useState(0);
  const isReading = useIsScrolled(results);

  // One "now" for all that one run of the search asks; in live mode the numbers get a new one every few seconds.
  const tick = useTick(isLive, LIVE_REFRESH_MS);
  const runKey = `${q} ${range.from} ${range.to} ${refreshed}`;
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new run of the search is a new now
  const ranAt = useMemo(() => Date.now(), [runKey]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: as above, and with each tick
  const countedAt = useMemo(() => Date.now(), [runKey, tick]);
  const rowsRange = useMemo(
    () => resolveRange({ from: range.from, to: range.to }, ranAt),
    [range.from, range.to, ranAt],
  );
  const countsRange = useMemo(
    () => resolveRange({ from: range.from, to: range.to }, countedAt),
    [range.from, range.to, countedAt],
  );
  const rowsParams = useMemo(() => ({ q, ...absoluteRange(rowsRange.fromMs, rowsRange.toMs) }), [q, rowsRange]);
  const countsParams = useMemo(() => ({ q, ...absoluteRange(countsRange.fromMs, countsRange.toMs) }), [q, countsRange]);

  const rows = useEvents(rowsParams);
  const histogram = useHistogram(countsParams);
  const facets = useFacets(countsParams);
  const summary = useSummary(countsParams);
  const tail = useTail(q, isLive, isReading);

  const stored = useMemo(() => rows.data?.pages.flatMap(({ events }) => events) ?? [], [rows.data]);
  const events = useMemo(() => (isLive ? mergeEvents(tail.events, stored) : stored), [isLive, tail.events, stored]);
  const fault = [rows.error, histogram.error, tail.error].find(isSearchFault);
  const failures = distinctFailures([rows.error, histogram.error, summary.error, facets.error]);
  const retryFailed = useRetryFailed();
  const warnings = [...new Set([...(rows.data?.pages[0]?.meta.warnings ?? []), ...(summary.meta?.warnings ?? [])])];

  const search = useCallback((next: string) => change({ q: next }), [change]);
  const runSearch = (next: string) => {
    if (next === q) setRefreshed((count) => count + 1);
    else change({ q: next });
  };
  const openEvent = useCallback(
    (id: string) => change({ event: id }, view.event === undefined ? 'push' : 'replace'),
    [change, view.event],
  );
  const closeEvent = () => {
    const { event } = view;
    change({ event: undefined });
    requestAnimationFrame(() =>
      results.current
        ?.querySelector<HTMLElement>(`[data-event="${CSS.escape(event ?? '')}"]`)
        ?.focus({ preventScroll: true }),
    );
  };

  const index = view.event === undefined ? -1 : events.findIndex((event) => idOf(event) === view.event);
  const neighbour = (step: -1 | 1) => {
    const next = index < 0 ? undefined : events[index + step];
    return next === undefined ? undefined : () => openEvent(idOf(next));
  };
  const previous = neighbour(-1);
  const next = neighbour(1);
  const first = events[0];

  useShortcuts({
    onSearch: () => searchInput.current?.focus(),
    onNext: view.event === undefined ? first && (() => openEvent(idOf(first))) : next,
    onPrevious: previous,
    onClose: view.event === undefined ? undefined : closeEvent,
    arrowsWalk: view.event !== undefined,
  });

  const wider = widerRange(range, rowsRange);
  const count = new Intl.NumberFormat(locale).format(events.length);
  const isEmpty = events.length === 0 && !rows.isPending && rows.error === null;

  return (
    <div className="explorer">
      <div className="toolbar">
        <SearchBar query={q} range={rowsParams} fault={fault} inputRef={searchInput} onRun={runSearch} />
        <div className="toolbar-group">
          <button
            type="button"
            className="button facets-toggle"
            aria-expanded={showsFacets}
            onClick={() => setShowsFacets(!showsFacets)}
          >
            <Icon name="filter" />
            {messages.facets.open}
          </button>
          <TimeRangePicker
            range={range}
            resolved={rowsRange}
            onChange={(chosen) => change({ range: chosen, live: view.live && isRelative(chosen) })}
          />
          <button
            type="button"
            className="button icon-only zoom-out"
            aria-label={messages.time.zoomOut}
            title={messages.time.zoomOut}
            onClick={() => change({ range: zoomOut(rowsRange, Date.now()), live: false })}
          >
            <Icon name="zoomOut" />
          </button>
          <button
            type="button"
            className="button icon-only"
            aria-label={messages.time.refresh}
            title={messages.time.refresh}
            onClick={() => setRefreshed((count) => count + 1)}
          >
            <Icon name="refresh" />
          </button>
          <LiveSwitch
            isOn={isLive}
            isPaused={isReading}
            tail={tail}
            onChange={(live) => change(live && !isRelative(range) ? { live, range: presetRange('15m') } : { live })}
          />
        </div>
      </div>

      <div className="columns">
        <aside className={showsFacets ? 'facets shown' : 'facets'} aria-label={messages.facets.label}>
          <div className="facets-head">
            <strong>{messages.facets.label}</strong>
            <button
              type="button"
              className="icon-button"
              aria-label={messages.facets.close}
              onClick={() => setShowsFacets(false)}
            >
              <Icon name="close" />
            </button>
          </div>
          {(facets.error === null || facets.facets.length > 0) && (
            <FacetsPanel facets={facets.facets} isPending={facets.isPending} query={q} onSearch={search} />
          )}
        </aside>

        <main ref={results} className="results" id="results" tabIndex={-1}>
          {failures.map((error) => (
            <Failure key={String(error)} error={error} onRetry={retryFailed} />
          ))}
          <section className="overview">
            <SummaryStrip
              summary={summary.summary}
              isPending={summary.isPending}
              errors={histogram.data && addMeasures(histogram.data.buckets.map(({ error }) => error))}
            />
            {histogram.data !== undefined && (
              <HistogramPanel
                histogram={histogram.data}
                range={countsRange}
                onZoom={(fromMs, toMs) => change({ range: absoluteRange(fromMs, toMs), live: false })}
              />
            )}
            {histogram.isPending && <div className="skeleton skeleton-panel" />}
            {events.length > 0 && (
              <p className="muted small rows-note">
                {rows.hasNextPage ? messages.rows.limited(count) : messages.rows.shown(count)} {messages.rows.stored}
              </p>
            )}
          </section>
          {warnings.length > 0 && !isEmpty && (
            <ul className="notice warnings" aria-label={messages.warnings}>
              {warnings.map((warning) => (
                <li key={warning}>{warning}</li>
              ))}
            </ul>
          )}
          <LiveNotices tail={tail} onResume={() => results.current?.scrollTo({ top: 0 })} />
          {rows.isPending && <RowsSkeleton />}
          {fault !== undefined && events.length === 0 && <SearchSyntax onTry={search} />}
          {isEmpty && (
            <EmptyRows
              query={q}
              warnings={warnings}
              isLive={isLive}
              onWider={() => change({ range: wider, live: view.live && isRelative(wider) })}
              onClear={() => change({ q: '' })}
              onLive={() => change({ live: true, range: isRelative(range) ? range : presetRange('15m') })}
            />
          )}
          {events.length > 0 && (
            <EventsGrid
              events={events}
              selected={view.event}
              showsDay={rowsRange.toMs - rowsRange.fromMs >= DAY_MS}
              isStale={rows.isPlaceholderData || fault !== undefined}
              scroller={results}
              onOpen={openEvent}
              footer={
                <RowsFooter
                  count={events.length}
                  hasMore={rows.hasNextPage}
                  isLoading={rows.isFetchingNextPage}
                  failed={rows.isFetchNextPageError}
                  onMore={() => void rows.fetchNextPage()}
                />
              }
            />
          )}
        </main>
      </div>

      {view.event !== undefined && (
        <EventDrawer
          id={view.event}
          known={events[index]}
          query={q}
          onSearch={search}
          onOpen={openEvent}
          onPrevious={previous}
          onNext={next}
          onClose={closeEvent}
        />
      )}
    </div>
  );
}

/** The next larger preset, or twice the range. */
function widerRange(range: TimeRange, resolved: ResolvedRange): TimeRange {
  const preset = presetOf(range);
  const next = preset && PRESETS[PRESETS.indexOf(preset) + 1];
  return next === undefined ? zoomOut(resolved, Date.now()) : presetRange(next);
}

/** What went wrong, each once: a server that is away fails every question in the same way. */
function distinctFailures(errors: readonly unknown[]): unknown[] {
  const failures = errors.filter((error) => error !== null && !isSearchFault(error));
  return failures.filter((error, i) => failures.findIndex((other) => String(other) === String(error)) === i);
}

/** Counts up every so often while it is on. */
function useTick(isOn: boolean, everyMs: number): number {
  const [count, setCount] = useState(0);
  useEffect(() => {
    if (!isOn) return;
    const timer = setInterval(() => {
      if (!document.hidden) setCount((before) => before + 1);
    }, everyMs);
    return () => clearInterval(timer);
  }, [isOn, everyMs]);
  return count;
}

function useIsScrolled(element: React.RefObject<HTMLElement | null>): boolean {
  const [isScrolled, setScrolled] = useState(false);
  useEffect(() => {
    const observed = element.current;
    if (observed === null) return;
    const onScroll = () => setScrolled(observed.scrollTop > READING_PX);
    observed.addEventListener('scroll', onScroll, { passive: true });
    return () => observed.removeEventListener('scroll', onScroll);
  }, [element]);
  return isScrolled;
}
