/** P8, from the run by hand that `growth.ts` has saved. */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { isSameClass, type Machine } from '../machine.ts';
import type { CaseResult } from '../result.ts';
import type { Spread } from '../statistics.ts';

export const GROWTH_FILE = fileURLToPath(new URL('../growth.json', import.meta.url));

/** What `load/ingest.ts --json` tells. */
export interface Figures {
  readonly events: number;
  readonly hours: number;
  readonly cpuUsPerEvent: number;
  readonly bytesPerEvent: number;
  readonly oneHourMs: Readonly<Record<string, number>>;
}

export interface Growth {
  readonly date: string;
  readonly commit: string;
  readonly machine: Machine;
  readonly loadBefore: number;
  readonly small: Figures;
  readonly large: Figures;
}

const QUESTIONS: Readonly<Record<string, string>> = {
  p99ByRoute: 'p99 by route of one hour',
  errorsOfOne: 'errors of one service in one hour',
};

/** @throws Error where it isn't what it should be. */
export function readFigures(value: unknown): Figures {
  if (typeof value === 'object' && value !== null && 'oneHourMs' in value && 'cpuUsPerEvent' in value) {
    // Written by our own program a moment ago, or kept with the sources.
    return value as Figures;
  }
  throw new Error(`not the figures of a load: ${JSON.stringify(value).slice(0, 200)}`);
}

/** What was saved, where it was made on such a machine as this one. */
export function savedGrowth(machine: Machine): CaseResult[] {
  if (!existsSync(GROWTH_FILE)) return [];
  const growth: Growth = JSON.parse(readFileSync(GROWTH_FILE, 'utf8'));
  if (!isSameClass(growth.machine, machine)) return [];
  const { small, large, date, commit, loadBefore } = growth;
  const row = (
    id: string,
    title: string,
    unit: string,
    of: (figures: Figures) => number,
    aim?: number,
  ): CaseResult => ({
    id,
    title: `growth: ${title}, ${large.events / 1e6} million events`,
    unit,
    name: 'Tailrace',
    ours: certain(of(large)),
    comparisons: [
      {
        peer: `itself at ${small.events / 1e6} million`,
        theirs: certain(of(small)),
        ratio: certain(of(large) / of(small)),
        ...(aim === undefined ? {} : { aim }),
      },
    ],
  });
  const questions = Object.entries(QUESTIONS).map(([key, title], i) =>
    row(`P8${String.fromCharCode(98 + i)}`, title, 'ms', ({ oneHourMs }) => oneHourMs[key] ?? Number.NaN, 1.2),
  );
  const [first, ...rest] = [
    row('P8', 'taking an event in', 'µs of processor', (figures) => figures.cpuUsPerEvent, 1.1),
    ...questions,
  ];
  const note = `P8 is from a run of its own: ${date.slice(0, 10)}, commit ${commit}, load average ${loadBefore.toFixed(1)} at the start; each question the median of several.`;
  return first === undefined ? [] : [{ ...first, notes: [note] }, ...rest];
}

function certain(value: number): Spread {
  return { median: value, low: value, high: value };
}
