/**
 * What pressure does to the rate of normal events.
 *
 * The spool fills when a destination is away for long. Before it is full and has to drop, the policy keeps fewer normal
 * events, and says so in each event's rate, so that counts stay right. Events that must be kept are not touched. A step
 * up is taken at once; a step down only when the fill has fallen well below the step, so that the rate doesn't flutter.
 */

export interface PressureStep {
  /** Taken from this share of the spool's bound on. */
  readonly fill: number;
  /** What the normal rate is multiplied with. */
  readonly factor: number;
}

/** Steps, mildest first. */
export const PRESSURE_STEPS: readonly PressureStep[] = [
  { fill: 0, factor: 1 },
  { fill: 0.5, factor: 0.5 },
  { fill: 0.7, factor: 0.1 },
  { fill: 0.85, factor: 0.01 },
];

const HYSTERESIS = 0.1;

/**
 * The next step, as an index into {@link PRESSURE_STEPS}.
 *
 * @param fill - share of the spool's bound in use; over 1 where the disk takes nothing.
 */
export function nextPressureStep(current: number, fill: number): number {
  let step = 0;
  for (let i = 1; i < PRESSURE_STEPS.length; i += 1) {
    const from = PRESSURE_STEPS[i]?.fill ?? 1;
    if (fill >= (i <= current ? from - HYSTERESIS : from)) step = i;
  }
  return step;
}
