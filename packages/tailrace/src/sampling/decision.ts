/** What the policy said of one event. */
export interface Decision {
  readonly keep: boolean;
  /** The name of the rule that decided: `HAS_ERROR`, `SLOW_REQUEST`, `CRITICAL_ROUTE`, `SAMPLED_NORMAL` or a user's own. */
  readonly rule: string;
  /** The probability with which the rule keeps an event like this one, in [0, 1]. */
  readonly rate: number;
  /**
   * True where the event must not be lost (errors, slow requests, critical routes): it is written at once, and the
   * spool's reserve is for it.
   */
  readonly urgent: boolean;
}
