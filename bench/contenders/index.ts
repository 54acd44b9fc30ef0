/** The contenders by name; each is loaded only in the process that measures it. */
import type { CreateContender } from './contender.ts';

export const CONTENDERS = {
  nothing: async () => (await import('./nothing.ts')).nothing,
  tailrace: async () => (await import('./tailrace.ts')).tailrace,
  'tailrace without redaction': async () => (await import('./tailrace.ts')).tailraceWithoutRedaction,
  'tailrace, 20 lines, sampled': async () => (await import('./tailrace.ts')).tailraceTwentyLines,
  'pino sync': async () => (await import('./pino.ts')).pinoSync,
  'pino async': async () => (await import('./pino.ts')).pinoAsync,
  'pino sync with redact': async () => (await import('./pino.ts')).pinoSyncRedact,
  'pino sync, 20 lines': async () => (await import('./pino.ts')).pinoSyncTwentyLines,
  winston: async () => (await import('./winston.ts')).winston,
  bunyan: async () => (await import('./bunyan.ts')).bunyan,
  logtape: async () => (await import('./logtape.ts')).logtape,
  evlog: async () => (await import('./evlog.ts')).evlog,
  'evlog without redaction': async () => (await import('./evlog.ts')).evlogWithoutRedaction,
} as const satisfies Readonly<Record<string, () => Promise<CreateContender>>>;

export type ContenderName = keyof typeof CONTENDERS;

export function isContender(name: string): name is ContenderName {
  return Object.hasOwn(CONTENDERS, name);
}
