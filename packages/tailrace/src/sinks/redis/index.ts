export type { RedisOptions } from './options.ts';
