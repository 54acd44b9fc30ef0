/** The configuration that is in force: parts of the server read a setting when they need it, so that a reload reaches them. */
import type { Arrangement } from './arrangement.ts';
import type { ServerConfig } from './config.ts';
import { type ConfigValues, SETTINGS, type SettingKey } from './settings.ts';

/** Each key is read anew at each use: never take it apart at the start. */
export type LiveConfig = ConfigValues & { readonly arrangement: Arrangement };

export interface Reload {
  /** Settings that changed and are in force now. */
  readonly applied: readonly SettingKey[];
  /** Settings that changed, and that only a restart can bring in force. */
  readonly needRestart: readonly SettingKey[];
}

export interface LiveConfigHolder {
  readonly config: LiveConfig;
  /** Takes over what can be changed in a process that runs. */
  replace(next: ServerConfig): Reload;
}

export function createLiveConfig(initial: ServerConfig): LiveConfigHolder {
  const values: Record<string, unknown> = { ...initial };
  const config = {};
  for (const key of [...SETTINGS.map(({ key }) => key), 'arrangement']) {
    Object.defineProperty(config, key, { enumerable: true, get: () => values[key] });
  }
  return {
    config: config as LiveConfig,
    replace(next) {
      const changed = SETTINGS.filter(({ key }) => JSON.stringify(next[key]) !== JSON.stringify(values[key]));
      const applied = changed.filter(({ needsRestart }) => !needsRestart).map(({ key }) => key);
      for (const key of applied) values[key] = next[key];
      return { applied, needRestart: changed.filter(({ needsRestart }) => needsRestart).map(({ key }) => key) };
    },
  };
}
