// biome-ignore-all lint/a11y/useSemanticElements: a table can't lay out virtual rows, which are placed by a transform
// biome-ignore-all lint/a11y/useFocusableInteractive: the focus is on rows, not on their cells
import { useVirtualizer } from '@tanstack/react-virtual';
import { type ReactNode, type RefObject, useEffect, useLayoutEffect, useRef, useState } from 'react';
import type { EventRecord } from '../api/types.ts';
import { headlineOf, idOf, numberOf, outcomeOf, routeOf, textOf, timeOf } from '../event/event-record.ts';
import { formatDuration } from '../measure/format.ts';
import { OutcomeIcon } from '../shell/icons.tsx';
import { useSettings } from '../shell/settings.tsx';
import './events-grid.css';

interface Props {
  readonly events: readonly EventRecord[];
  /** Id of the event in the drawer. */
  readonly selected: string | undefined;
  /** True where the range spans more than a day, so that a time alone says too little. */
  readonly showsDay: boolean;
  /** True while the rows belong to a search that is being replaced. */
  readonly isStale: boolean;
  readonly scroller: RefObject<HTMLElement | null>;
  readonly onOpen: (id: string) => void;
  readonly footer: ReactNode;
}

const ROW_PX = 31;
const CARD_PX = 62;
/** Below this width a row is a card of two lines. */
const CARD_WIDTH = 620;
const COLUMNS = ['time', 'level', 'service', 'route', 'status', 'duration', 'rule', 'message'] as const;

export function EventsGrid({ events, selected, showsDay, isStale, scroller, onOpen, footer }: Props) {
  const { messages } = useSettings();
  const words = messages.rows;
  const grid = useRef<HTMLDivElement>(null);
  const body = useRef<HTMLDivElement>(null);
  const isCard = useIsNarrow(grid, CARD_WIDTH);
  const offset = useOffsetTop(body, scroller);

  const virtual = useVirtualizer({
    count: events.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => (isCard ? CARD_PX : ROW_PX),
    overscan: 16,
    scrollMargin: offset,
    scrollPaddingStart: 48,
    scrollPaddingEnd: 24,
    getItemKey: (index) => {
      const event = events[index];
      return event === undefined ? index : idOf(event) || index;
    },
  });

  // biome-ignore lint/correctness/useExhaustiveDependencies: rows must be measured again when their height changes
  useEffect(() => {
    virtual.measure();
  }, [isCard, virtual]);

  const selectedIndex = selected === undefined ? -1 : events.findIndex((event) => idOf(event) === selected);
  const followed = useRef<string>(undefined);
  useEffect(() => {
    if (selectedIndex >= 0 && followed.current !== selected) virtual.scrollToIndex(selectedIndex, { align: 'auto' });
    followed.current = selected;
  }, [selectedIndex, selected, virtual]);

  const tabStop = Math.max(0, selectedIndex);
  return (
    <div
      ref={grid}
      role="grid"
      aria-label={words.label}
      aria-rowcount={events.length + 1}
      aria-busy={isStale}
      className={`grid ${isCard ? 'cards' : 'table'}${isStale ? ' stale' : ''}${showsDay ? ' with-day' : ''}`}
    >
      <div role="row" aria-rowindex={1} className="grid-row grid-head">
        {COLUMNS.map((column) => (
          <span key={column} role="columnheader" className={`cell cell-${column}`}>
            {words[column]}
          </span>
        ))}
      </div>
      <div ref={body} role="rowgroup" className="grid-body" style={{ height: virtual.getTotalSize() }}>
        {virtual.getVirtualItems().map((item) => {
          const event = events[item.index];
          if (event === undefined) return null;
          return (
            <Row
              key={item.key}
              event={event}
              index={item.index}
              top={item.start - offset}
              isSelected={item.index === selectedIndex}
              isTabStop={item.index === tabStop}
              showsDay={showsDay}
              onOpen={onOpen}
            />
          );
        })}
      </div>
      {footer}
    </div>
  );
}

interface RowProps {
  readonly event: EventRecord;
  readonly index: number;
  readonly top: number;
  readonly isSelected: boolean;
  readonly isTabStop: boolean;
  readonly showsDay: boolean;
  readonly onOpen: (id: string) => void;
}

function Row({ event, index, top, isSelected, isTabStop, showsDay, onOpen }: RowProps) {
  const { messages, time, locale } = useSettings();
  const ms = timeOf(event);
  const outcome = outcomeOf(event);
  const level = textOf(event, 'level') ?? '';
  const status = numberOf(event, 'status');
  const durationMs = numberOf(event, 'duration_ms');
  const rule = textOf(event, 'sampling.rule');
  return (
    <div
      role="row"
      aria-rowindex={index + 2}
      aria-selected={isSelected}
      tabIndex={isTabStop ? 0 : -1}
      data-event={idOf(event)}
      className={`grid-row event-row is-${outcome}`}
      style={{ transform: `translateY(${top}px)` }}
      onClick={() => onOpen(idOf(event))}
      onKeyDown={(pressed) => {
        if (pressed.key !== 'Enter' && pressed.key !== ' ') return;
        pressed.preventDefault();
        onOpen(idOf(event));
      }}
    >
      <span role="gridcell" className="cell cell-time" title={ms === undefined ? undefined : time.utc(ms)}>
        <OutcomeIcon outcome={outcome} />
        <span className="visually-hidden">{messages.outcome[outcome]}</span>
        {ms === undefined ? '–' : showsDay ? time.dayClock(ms) : time.clock(ms)}
      </span>
      <span role="gridcell" className="cell cell-level">
        <span className={`level level-${level}`}>{level}</span>
      </span>
      <span role="gridcell" className="cell cell-service">
        {textOf(event, 'service')}
      </span>
      <span role="gridcell" className="cell cell-route" title={routeOf(event)}>
        <Method event={event} />
        {textOf(event, 'route')}
      </span>
      <span role="gridcell" className={`cell cell-status${(status ?? 0) >= 500 ? ' bad' : ''}`}>
        {status}
      </span>
      <span role="gridcell" className={`cell cell-duration${outcome === 'slow' ? ' long' : ''}`}>
        {durationMs === undefined ? '' : formatDuration(durationMs, locale)}
      </span>
      <span role="gridcell" className="cell cell-rule">
        {rule}
      </span>
      <span role="gridcell" className="cell cell-message">
        {headlineOf(event)}
      </span>
    </div>
  );
}

function Method({ event }: { event: EventRecord }) {
  const method = textOf(event, 'method');
  return method === undefined ? null : <span className="method">{method} </span>;
}

function useIsNarrow(element: RefObject<HTMLElement | null>, width: number): boolean {
  const [isNarrow, setNarrow] = useState(false);
  useLayoutEffect(() => {
    const observed = element.current;
    if (observed === null) return;
    const measure = () => setNarrow(observed.clientWidth < width);
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(observed);
    return () => observer.disconnect();
  }, [element, width]);
  return isNarrow;
}

/** Where the body begins in the scrolled content: what stands above it may grow and shrink. */
function useOffsetTop(element: RefObject<HTMLElement | null>, scroller: RefObject<HTMLElement | null>): number {
  const [offset, setOffset] = useState(0);
  useLayoutEffect(() => {
    const inner = element.current;
    const outer = scroller.current;
    if (inner === null || outer === null) return;
    const measure = () =>
      setOffset(Math.round(inner.getBoundingClientRect().top - outer.getBoundingClientRect().top + outer.scrollTop));
    measure();
    const observer = new ResizeObserver(measure);
    for (const child of outer.children) observer.observe(child);
    for (const before of inner.parentElement?.parentElement?.children ?? []) observer.observe(before);
    return () => observer.disconnect();
  }, [element, scroller]);
  return offset;
}
