/** The ends of a range may lie beyond what a date can be. */
export function dateAt(ms: number): Date {
  return new Date(Math.max(-8.64e15, Math.min(8.64e15, ms)));
}
