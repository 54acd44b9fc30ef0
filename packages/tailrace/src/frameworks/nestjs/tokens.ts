/** Injects the {@link Tailrace} of the application: `@Inject(TAILRACE)`. */
export const TAILRACE = Symbol('tailrace');

/** Injects a {@link Logger} whose topic is the name of the class that it is injected into. */
export const TAILRACE_LOGGER = Symbol('tailrace logger');

/** The options of the module. */
export const TAILRACE_MODULE_OPTIONS = Symbol('tailrace module options');
