/** A run as text: a table for the terminal and the README, and a chart. */
import { describeMachine, type Machine } from './machine.ts';
import type { CaseResult, Comparison } from './result.ts';
import { formatSpread } from './statistics.ts';

export interface Run {
  readonly date: string;
  readonly commit: string;
  readonly machine: Machine;
  /** Load average of the machine when the run began: other work makes the intervals wide. */
  readonly loadBefore: number;
  readonly results: readonly CaseResult[];
  /** Peers that could not be had here, with the reason. */
  readonly absent: readonly string[];
}

export function tableOf({ results, machine, date, commit, loadBefore, absent }: Run): string {
  const rows = mainRows(results).flatMap((result) =>
    result.comparisons.map((comparison) => {
      const verdict =
        comparison.aim === undefined ? '' : `≤ ${comparison.aim}: ${meets(comparison) ? 'met' : 'not met'}`;
      const unit = result.unit;
      return `| ${result.id} | ${result.title} (${unit}) | ${formatSpread(result.ours)} | ${comparison.peer}: ${formatSpread(comparison.theirs)} | **${formatSpread(comparison.ratio)}** | ${verdict} |`;
    }),
  );
  const notes = [...results.flatMap(({ notes = [] }) => notes), ...absent.map((line) => `Not compared: ${line}`)];
  return [
    '| | what | Tailrace | peer | ratio (95 % interval) | aim |',
    '| --- | --- | --- | --- | --- | --- |',
    ...rows,
    '',
    `${describeMachine(machine)}; ${date.slice(0, 10)}, commit ${commit}, load average ${loadBefore.toFixed(1)} at the start.`,
    ...notes.map((note) => `${note}`),
  ].join('\n');
}

/** What stands behind rows of the table: for each question the time of every server. */
export function detailsOf({ results }: Run): string {
  const details = results.filter(({ isDetail }) => isDetail === true);
  if (details.length === 0) return '';
  const rows = details.map(({ id, title, unit, ours, comparisons }) => {
    const peers = comparisons.map(
      ({ peer, theirs, ratio }) => `${peer} ${theirs.median.toFixed(1)} (${ratio.median.toFixed(2)})`,
    );
    return `| ${id} | ${title} | ${unit} | ${ours.median.toFixed(1)} | ${peers.join(' · ')} |`;
  });
  return ['| | what | unit | Tailrace | peers, and the ratio |', '| --- | --- | --- | --- | --- |', ...rows].join('\n');
}

function mainRows(results: readonly CaseResult[]): readonly CaseResult[] {
  return results.filter(({ isDetail }) => isDetail !== true);
}

export function meets({ ratio, aim }: Comparison): boolean {
  return aim === undefined || ratio.median <= aim;
}

const ROW_PX = 26;
const LABEL_PX = 330;
const WIDTH_PX = 760;
const PLOT_PX = WIDTH_PX - LABEL_PX - 70;

/** Bars of the ratios, the peer being 1: shorter is better. The thin line is the 95 % interval. */
export function chartOf({ results }: Run): string {
  const bars = mainRows(results).flatMap((result) =>
    result.comparisons.map((comparison) => ({ label: `${result.id} against ${comparison.peer}`, ...comparison })),
  );
  const largest = Math.max(1.2, ...bars.map(({ ratio }) => Math.min(ratio.high, 3)));
  const x = (ratio: number): number => LABEL_PX + (PLOT_PX * Math.min(ratio, largest)) / largest;
  const height = ROW_PX * bars.length + 48;
  const rows = bars.map(({ label, ratio, aim }, i) => {
    const y = 30 + i * ROW_PX;
    const middle = y + ROW_PX / 2 - 4;
    const aimMark =
      aim === undefined
        ? ''
        : `<path d="M${x(aim).toFixed(1)} ${y - 1}v${ROW_PX - 6}" stroke="#c2410c" stroke-width="2"/>`;
    return [
      `<text x="${LABEL_PX - 8}" y="${middle + 4}" text-anchor="end">${escapeXml(label)}</text>`,
      `<rect x="${LABEL_PX}" y="${y}" width="${(x(ratio.median) - LABEL_PX).toFixed(1)}" height="${ROW_PX - 8}" rx="2" fill="#0e7490"/>`,
      `<path d="M${x(ratio.low).toFixed(1)} ${middle}H${x(ratio.high).toFixed(1)}" stroke="#94a3b8" stroke-width="2"/>`,
      aimMark,
      `<text x="${(x(Math.max(ratio.median, ratio.high)) + 8).toFixed(1)}" y="${middle + 4}">${ratio.median.toFixed(2)}</text>`,
    ].join('');
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH_PX} ${height}" width="${WIDTH_PX}" height="${height}" font-family="system-ui, sans-serif" font-size="12" fill="#475569"><title>Ratios of Tailrace to its peers</title>`,
    `<rect width="100%" height="100%" fill="#ffffff"/>`,
    `<text x="${LABEL_PX}" y="18">Tailrace ÷ peer: shorter is better, 1 is the peer, the red mark is the aim</text>`,
    `<path d="M${x(1).toFixed(1)} 24V${height - 14}" stroke="#334155" stroke-dasharray="3 3"/>`,
    ...rows,
    '</svg>',
    '',
  ].join('\n');
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
