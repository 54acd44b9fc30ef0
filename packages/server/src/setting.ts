/** One row of the table of settings. */
import type { z } from 'zod';
import { SCHEMAS, type SettingKey } from './settings-values.ts';

export interface Setting {
  readonly key: SettingKey;
  readonly env: string;
  /** Other names of the variable. */
  readonly aliases: readonly string[];
  /** The option of `tailrace server`, where it has one. */
  readonly option?: string;
  readonly schema: z.ZodType;
  /** What is accepted, in words: "must be …". */
  readonly accepts: string;
  readonly about: string;
  /** Never printed; may also come from the file that `<env>_FILE` names. */
  readonly secret: boolean;
  /** True where a reload can't change it. */
  readonly needsRestart: boolean;
}

export function setting(
  key: SettingKey,
  env: string,
  accepts: string,
  about: string,
  more: Partial<Pick<Setting, 'option' | 'secret' | 'needsRestart' | 'aliases'>> = {},
): Setting {
  return { key, env, accepts, about, schema: SCHEMAS[key], secret: false, needsRestart: false, aliases: [], ...more };
}

export const SIZE = 'a size in bytes, or with KiB, MiB or GiB';
export const KEY = '16 to 512 printable characters without spaces';
