import type { StepRecord } from '../event.ts';
import { RawJson } from '../serialise/index.ts';

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

  /**
   * The steps as {@link StepRecord}s in JSON. A step that still runs when its event ends is a failed one: nobody will wait
   * for it.
   *
   * @param quote - makes a name JSON, without secrets.
   */
  toJson(nowMs: number, quote: (name: string) => string): RawJson {
    let json = '';
    for (const { name, service, startedMs, outcome, durationMs, code } of this.#steps) {
      const isOpen = outcome === undefined;
      const failure = isOpen ? 'UNFINISHED' : code;
      const duration = roundMs(isOpen ? nowMs - startedMs : durationMs);
      json += `${json === '' ? '' : ','}{"name":${quote(name)},"service":${quote(service)},"duration_ms":${duration}`;
      json += `,"outcome":"${outcome ?? 'error'}"${failure === undefined ? '' : `,"code":${quote(failure)}`}}`;
    }
    return new RawJson(`[${json}]`);
  }
}

/** Milliseconds with three decimals: more would only be noise in every line. */
export function roundMs(ms: number): number {
  return Math.round(ms * 1_000) / 1_000;
}
