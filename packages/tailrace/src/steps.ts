import type { StepRecord } from './event.ts';

/** Steps of one event; more are run and not recorded. */
const MAX_STEPS = 200;

export interface OpenStep {
  readonly name: string;
  readonly service: string;
  readonly startedMs: number;
  /** `undefined` while the step runs. */
  outcome: StepRecord['outcome'] | undefined;
  durationMs: number;
  code: string | undefined;
}

/** The steps of one scope, in the order in which they began. */
export class Steps {
  readonly #steps: OpenStep[] = [];
  #unrecorded = 0;

  begin(name: string, service: string, nowMs: number): OpenStep {
    const step: OpenStep = { name, service, startedMs: nowMs, outcome: undefined, durationMs: 0, code: undefined };
    if (this.#steps.length < MAX_STEPS) this.#steps.push(step);
    else this.#unrecorded += 1;
    return step;
  }

  /** How many steps were run and not recorded. */
  get unrecorded(): number {
    return this.#unrecorded;
  }

  /** A step that still runs when its event ends is a failed one: nobody will wait for it. */
  records(nowMs: number): StepRecord[] {
    return this.#steps.map(({ name, service, startedMs, outcome, durationMs, code }) => {
      const isOpen = outcome === undefined;
      const failure = isOpen ? 'UNFINISHED' : code;
      return {
        name,
        service,
        duration_ms: roundMs(isOpen ? nowMs - startedMs : durationMs),
        outcome: outcome ?? 'error',
        ...(failure === undefined ? {} : { code: failure }),
      };
    });
  }
}

/** Milliseconds with three decimals: more would only be noise in every line. */
export function roundMs(ms: number): number {
  return Math.round(ms * 1_000) / 1_000;
}
