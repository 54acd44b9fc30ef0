/**
 * The histogram on a canvas, by uPlot: stacked columns, hatched where they are estimated, with the interval of the total
 * as a whisker. Drawn from top to bottom of the stack, each series over the one before.
 */
import uPlot from 'uplot';
import { amountOf, isEstimate } from '../measure/format.ts';
import type { TimeFormat } from '../time/format-time.ts';
import { type Columns, totalOf } from './columns.ts';

export interface ChartColours {
  readonly normal: string;
  readonly slow: string;
  readonly error: string;
  readonly text: string;
  readonly grid: string;
  readonly whisker: string;
  readonly surface: string;
}

export interface ChartHandlers {
  /** The column under the pointer, `undefined` when it leaves. */
  readonly onHover: (index: number | undefined) => void;
  readonly onZoom: (fromMs: number, toMs: number) => void;
}

export interface ChartSetup {
  readonly element: HTMLElement;
  readonly size: { readonly width: number; readonly height: number };
  readonly columns: Columns;
  readonly colours: ChartColours;
  readonly time: TimeFormat;
  readonly locale: string;
  readonly handlers: ChartHandlers;
}

export interface Chart {
  resize(width: number, height: number): void;
  show(columns: Columns): void;
  /** The middle of a column, in pixels from the left of the element. */
  positionOf(index: number): number;
  destroy(): void;
}

/** Distances between two labels of the scale: events come whole. */
const WHOLE_STEPS = Array.from({ length: 14 }, (_, power) => [1, 2, 5].map((step) => step * 10 ** power)).flat();
const WHISKERS_FIT_PX = 3;
const LEAST_HEIGHT_PX = 3;
const BAR_SHARE = 0.86;
const MAX_BAR_PX = 64;

export function createChart({ element, size, columns: first, colours, time, locale, handlers }: ChartSetup): Chart {
  let columns = first;
  const compact = new Intl.NumberFormat(locale, { notation: 'compact' });
  const hatch = createHatch(colours.normal, colours.surface);
  const isEstimated = () => columns.buckets.some(({ normal }) => isEstimate(normal));
  const bars = uPlot.paths.bars?.({ size: [BAR_SHARE, MAX_BAR_PX], align: 1, gap: 1 });
  const series = (label: string, fill: uPlot.Series.Fill): uPlot.Series => ({
    label,
    fill,
    width: 0,
    points: { show: false },
    ...(bars === undefined ? {} : { paths: bars }),
  });
  const rangeEnd = () => (columns.seconds.at(-1) ?? 0) + columns.bucketMs / 1000;

  const plot = new uPlot(
    {
      ...size,
      padding: [8, 18, 0, 0],
      legend: { show: false },
      cursor: {
        y: false,
        points: { show: false },
        drag: { x: true, y: false, setScale: false, dist: 4 },
      },
      scales: {
        x: { time: true, range: () => [columns.seconds[0] ?? 0, rangeEnd()] },
        y: { range: (_, __, max) => [0, Math.max(4, highest(columns, max) * 1.06)] },
      },
      axes: [
        {
          stroke: colours.text,
          grid: { show: false },
          ticks: { stroke: colours.grid, width: 1, size: 4 },
          size: 26,
          gap: 3,
          space: 72,
          font: '11px system-ui, sans-serif',
          values: (_, splits, __, ___, step) => splits.map((at) => time.tick(at * 1000, step * 1000)),
        },
        {
          stroke: colours.text,
          grid: { stroke: colours.grid, width: 1 },
          ticks: { show: false },
          size: 46,
          gap: 6,
          space: 28,
          incrs: WHOLE_STEPS,
          font: '11px system-ui, sans-serif',
          values: (_, splits) => splits.map((value) => compact.format(value)),
        },
      ],
      series: [
        {},
        series('normal', () => (isEstimated() ? hatch : colours.normal)),
        series('slow', colours.slow),
        series('error', colours.error),
      ],
      hooks: {
        draw: [
          (u) => {
            drawSmallTroubles(u, columns, colours);
            drawWhiskers(u, columns, colours.whisker);
          },
        ],
        setCursor: [
          (u) => {
            const { left = -1 } = u.cursor;
            handlers.onHover(left < 0 ? undefined : indexAt(columns, u.posToVal(left, 'x')));
          },
        ],
        setSelect: [
          (u) => {
            const { left, width } = u.select;
            if (width < 4) return;
            handlers.onZoom(Math.round(u.posToVal(left, 'x') * 1000), Math.round(u.posToVal(left + width, 'x') * 1000));
            u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
          },
        ],
      },
    },
    dataOf(first),
    element,
  );

  return {
    resize: (width, height) => plot.setSize({ width, height }),
    show(next) {
      columns = next;
      plot.setData(dataOf(next));
    },
    positionOf(index) {
      const middle = (columns.seconds[index] ?? 0) + columns.bucketMs / 2000;
      return plot.valToPos(middle, 'x') + plot.over.offsetLeft;
    },
    destroy: () => plot.destroy(),
  };
}

function dataOf({ seconds, total, troubled, error }: Columns): uPlot.AlignedData {
  return [seconds, total, troubled, error];
}

function indexAt({ seconds, bucketMs }: Columns, second: number): number | undefined {
  const index = Math.floor((second - (seconds[0] ?? 0)) / (bucketMs / 1000));
  return index >= 0 && index < seconds.length ? index : undefined;
}

/** The top of the highest whisker, so that it isn't cut. */
function highest({ buckets }: Columns, max: number): number {
  return buckets.reduce((top, bucket) => {
    const total = totalOf(bucket);
    return isEstimate(total) ? Math.max(top, total.high) : top;
  }, max);
}

/** One error among a thousand is less than a pixel high, and must be seen all the same: errors have a least height. */
function drawSmallTroubles(u: uPlot, { buckets, seconds, bucketMs }: Columns, colours: ChartColours): void {
  const { ctx } = u;
  const least = LEAST_HEIGHT_PX * devicePixelRatio;
  const floor = u.valToPos(0, 'y', true);
  const columnWidth = u.valToPos(bucketMs / 1000, 'x', true) - u.valToPos(0, 'x', true);
  const width = Math.min(columnWidth * BAR_SHARE, MAX_BAR_PX * devicePixelRatio) - devicePixelRatio;
  const heightOf = (value: number) => floor - u.valToPos(value, 'y', true);
  for (const [i, { error, slow }] of buckets.entries()) {
    const x = u.valToPos(seconds[i] ?? 0, 'x', true);
    const errors = amountOf(error);
    const slows = amountOf(slow);
    const errorHeight = errors > 0 ? Math.max(least, heightOf(errors)) : 0;
    if (errors > 0 && heightOf(errors) < least) fill(colours.error, x, errorHeight, errorHeight);
    if (slows > 0 && heightOf(slows) < least) fill(colours.slow, x, errorHeight + least, least);
  }
  function fill(colour: string, x: number, top: number, height: number) {
    ctx.fillStyle = colour;
    ctx.fillRect(Math.round(x), Math.round(floor - top), Math.max(1, Math.round(width)), Math.round(height));
  }
}

function drawWhiskers(u: uPlot, { buckets, seconds, bucketMs }: Columns, colour: string): void {
  const { ctx } = u;
  const pixel = devicePixelRatio;
  const columnWidth = u.valToPos(bucketMs / 1000, 'x', true) - u.valToPos(0, 'x', true);
  if (columnWidth < WHISKERS_FIT_PX * pixel) return;
  const cap = Math.min(3 * pixel, columnWidth / 5);
  ctx.save();
  ctx.strokeStyle = colour;
  ctx.lineWidth = pixel;
  ctx.beginPath();
  for (const [i, bucket] of buckets.entries()) {
    const total = totalOf(bucket);
    if (!isEstimate(total) || total.value === 0) continue;
    const x = Math.round(u.valToPos((seconds[i] ?? 0) + bucketMs / 2000, 'x', true)) + 0.5;
    const low = Math.round(u.valToPos(Math.max(0, total.low), 'y', true)) + 0.5;
    const high = Math.round(u.valToPos(total.high, 'y', true)) + 0.5;
    ctx.moveTo(x, low);
    ctx.lineTo(x, high);
    for (const y of [low, high]) {
      ctx.moveTo(x - cap, y);
      ctx.lineTo(x + cap, y);
    }
  }
  ctx.stroke();
  ctx.restore();
}

/** Diagonal stripes of a colour and a lighter shade of it. */
function createHatch(colour: string, surface: string): string | CanvasPattern {
  const size = Math.round(6 * devicePixelRatio);
  const tile = document.createElement('canvas');
  tile.width = size;
  tile.height = size;
  const ctx = tile.getContext('2d');
  if (ctx === null) return colour;
  ctx.fillStyle = surface;
  ctx.fillRect(0, 0, size, size);
  ctx.globalAlpha = 0.55;
  ctx.fillStyle = colour;
  ctx.fillRect(0, 0, size, size);
  ctx.globalAlpha = 0.85;
  ctx.strokeStyle = colour;
  ctx.lineWidth = size / 4;
  ctx.beginPath();
  for (const shift of [-size, 0, size]) {
    ctx.moveTo(shift - size / 2, size * 1.5);
    ctx.lineTo(shift + size * 1.5, -size / 2);
  }
  ctx.stroke();
  return ctx.createPattern(tile, 'repeat') ?? colour;
}
