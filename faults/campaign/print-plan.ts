import { type Part, stepsOf, TEMPOS } from './schedule.ts';

const STEPS_SHOWN = 12;
const PARTS: readonly (readonly [name: string, part: Part, stream: number])[] = [
  ['link', 'link', 1],
  ['server or ingest', 'service', 2],
  ['writer', 'service', 3],
  ['agent', 'service', 4],
  ['broker', 'broker', 5],
  ['shared-1', 'producer', 10],
  ['shared-2', 'producer', 11],
  ['narrow', 'producer', 12],
  ['small-disk', 'small-disk', 13],
];

/** The first steps that a seed gives each part. */
export function printPlan(seed: number, pace: number, say: (line: string) => void): void {
  for (const [name, part, stream] of PARTS) {
    const steps: string[] = [];
    for (const { kind, afterMs, forMs } of stepsOf(part, seed, stream, pace)) {
      steps.push(`after ${afterMs} ms ${kind} for ${forMs} ms`);
      if (steps.length >= Math.max(STEPS_SHOWN, TEMPOS[part].kinds.length)) break;
    }
    say(`${name}: ${steps.join('; ')}; …`);
  }
}
