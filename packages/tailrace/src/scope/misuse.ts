/** Calls that can have no effect: survived, counted, and told once of each kind. */
export const MISUSE = {
  set_after_end:
    'set was called after its scope had ended; the fields are not in the event. Work that outlives a request belongs in fork()',
  error_after_end:
    'error was called after its scope had ended; it is not in the event. Work that outlives a request belongs in fork()',
  count_after_end: 'count was called after its scope had ended; it is not in the event',
  step_after_end: 'step was called after its scope had ended; the function ran, and the step is not in the event',
  hint_after_end: 'hint was called after its scope had ended; the policy had already decided',
  end_twice: 'a scope was ended twice; the second end had no effect',
  set_outside_scope: 'set was called outside of every scope; the fields are in no event. Open a scope with run()',
  error_outside_scope: 'error was called outside of every scope; it was logged as a line',
  count_outside_scope: 'count was called outside of every scope; it is in no event. Open a scope with run()',
  step_outside_scope: 'step was called outside of every scope; the function ran without being timed',
  fork_outside_scope: 'fork was called outside of every scope; the work got a trace of its own',
} as const;

export type MisuseCode = keyof typeof MISUSE;
