import { type KeyboardEvent, useEffect, useMemo, useRef, useState } from 'react';
import type { Histogram } from '../api/types.ts';
import { formatDuration } from '../measure/format.ts';
import { MeasureShort } from '../measure/measure-text.tsx';
import { OutcomeIcon } from '../shell/icons.tsx';
import { useSettings } from '../shell/settings.tsx';
import type { ResolvedRange } from '../time/range.ts';
import { type Chart, type ChartColours, createChart } from './chart.ts';
import { type Columns, layOutColumns, totalOf } from './columns.ts';
import 'uplot/dist/uPlot.min.css';
import './histogram.css';

interface Props {
  readonly histogram: Histogram;
  readonly range: ResolvedRange;
  readonly onZoom: (fromMs: number, toMs: number) => void;
}

const OUTCOMES = ['error', 'slow', 'normal'] as const;

export function HistogramPanel({ histogram, range, onZoom }: Props) {
  const { messages, time, locale, theme } = useSettings();
  const words = messages.histogram;
  const frame = useRef<HTMLDivElement>(null);
  const chart = useRef<Chart>(undefined);
  const [hovered, setHovered] = useState<number>();
  const scheme = useColourScheme();
  const columns = useMemo(
    () => layOutColumns(histogram, range.fromMs, range.toMs),
    [histogram, range.fromMs, range.toMs],
  );
  const latest = useRef({ columns, onZoom });
  latest.current = { columns, onZoom };

  // biome-ignore lint/correctness/useExhaustiveDependencies: theme and scheme change the colours that are read from the page
  useEffect(() => {
    const element = frame.current;
    if (element === null) return;
    const sizeOf = () => ({ width: element.clientWidth, height: element.clientHeight });
    const created = createChart({
      element,
      size: sizeOf(),
      columns: latest.current.columns,
      colours: readColours(element),
      time,
      locale,
      handlers: { onHover: setHovered, onZoom: (from, to) => latest.current.onZoom(from, to) },
    });
    chart.current = created;
    const observer = new ResizeObserver(() => {
      const { width, height } = sizeOf();
      created.resize(width, height);
    });
    observer.observe(element);
    return () => {
      observer.disconnect();
      created.destroy();
      chart.current = undefined;
    };
  }, [time, locale, theme, scheme]);

  useEffect(() => {
    chart.current?.show(columns);
  }, [columns]);

  const onKeyDown = (event: KeyboardEvent) => {
    const last = columns.buckets.length - 1;
    const step = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0;
    if (step !== 0) {
      event.preventDefault();
      event.stopPropagation();
      setHovered((before) => Math.max(0, Math.min(last, before === undefined ? last : before + step)));
    } else if (event.key === 'Enter' && hovered !== undefined) {
      const from = (columns.seconds[hovered] ?? 0) * 1000;
      onZoom(from, from + columns.bucketMs);
    } else if (event.key === 'Escape' && hovered !== undefined) {
      event.stopPropagation();
      setHovered(undefined);
    }
  };

  const all = columns.total.reduce((sum, value) => sum + value, 0);
  return (
    <figure className="histogram">
      <div
        ref={frame}
        className="histogram-frame"
        role="application"
        aria-label={`${words.label}. ${words.describe(
          new Intl.NumberFormat(locale, { maximumFractionDigits: 0 }).format(all),
          time.dateTime(range.fromMs),
          time.dateTime(range.toMs),
        )}`}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: the arrow keys walk from column to column
        tabIndex={0}
        onKeyDown={onKeyDown}
        onBlur={() => setHovered(undefined)}
      >
        <i className="probe probe-normal" />
        <i className="probe probe-slow" />
        <i className="probe probe-error" />
        <i className="probe probe-text" />
        <i className="probe probe-grid" />
        <i className="probe probe-whisker" />
        <i className="probe probe-surface" />
        {hovered !== undefined && (
          <Tooltip columns={columns} index={hovered} left={chart.current?.positionOf(hovered) ?? 0} />
        )}
      </div>
      <figcaption className="histogram-caption">
        {OUTCOMES.map((outcome) => (
          <span key={outcome} className="legend-item">
            <OutcomeIcon outcome={outcome} />
            {messages.outcome[outcome]}
          </span>
        ))}
        {histogram.meta.accuracy === 'estimated' && <span className="muted">{words.hatched}</span>}
        <span className="muted">
          {words.bucket(formatDuration(columns.bucketMs, locale))}
          <span className="zoom-hint"> · {words.zoomHint}</span>
        </span>
      </figcaption>
    </figure>
  );
}

function Tooltip({ columns, index, left }: { columns: Columns; index: number; left: number }) {
  const { messages, time } = useSettings();
  const bucket = columns.buckets[index];
  if (bucket === undefined) return null;
  const start = (columns.seconds[index] ?? 0) * 1000;
  const isRight = index > columns.buckets.length / 2;
  return (
    <div className={isRight ? 'tooltip before' : 'tooltip'} style={{ left }} role="status">
      <p className="tooltip-time">
        {time.dateTime(start)} – {time.clock(start + columns.bucketMs).slice(0, 8)}
      </p>
      <dl>
        {OUTCOMES.map((outcome) => (
          <div key={outcome}>
            <dt>
              <OutcomeIcon outcome={outcome} />
              {messages.outcome[outcome]}
            </dt>
            <dd>
              <MeasureShort measure={bucket[outcome]} unit="count" />
            </dd>
          </div>
        ))}
        <div className="tooltip-total">
          <dt>{messages.histogram.total}</dt>
          <dd>
            <TotalText columns={columns} index={index} />
          </dd>
        </div>
      </dl>
    </div>
  );
}

function TotalText({ columns, index }: { columns: Columns; index: number }) {
  const { messages, locale } = useSettings();
  const bucket = columns.buckets[index];
  if (bucket === undefined) return null;
  const total = totalOf(bucket);
  const format = new Intl.NumberFormat(locale, { maximumFractionDigits: 0 });
  if (typeof total === 'number') return `${format.format(total)} ${messages.accuracy.exact}`;
  const { value, low, high } = total;
  return `≈ ${format.format(value)} (${format.format(low)}–${format.format(high)}, 95 %)`;
}

/** The canvas can't read custom properties: hidden elements resolve them, in whatever theme is on. */
function readColours(element: HTMLElement): ChartColours {
  const colour = (name: string) => {
    const probe = element.querySelector(`.probe-${name}`);
    return probe === null ? '#888' : getComputedStyle(probe).color;
  };
  return {
    normal: colour('normal'),
    slow: colour('slow'),
    error: colour('error'),
    text: colour('text'),
    grid: colour('grid'),
    whisker: colour('whisker'),
    surface: colour('surface'),
  };
}

function useColourScheme(): boolean {
  const [isDark, setDark] = useState(() => matchMedia('(prefers-color-scheme: dark)').matches);
  useEffect(() => {
    const query = matchMedia('(prefers-color-scheme: dark)');
    const onChange = () => setDark(query.matches);
    query.addEventListener('change', onChange);
    return () => query.removeEventListener('change', onChange);
  }, []);
  return isDark;
}
