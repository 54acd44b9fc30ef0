/** Options and environment of the library, for programs that deliver by the same settings. */
export { type ResolvedOptions, resolveOptions, TailraceConfigError } from './resolve-options.ts';
export type { Environment } from './variables.ts';
