/**
 * `node --import tsx --conditions=@tailrace/source scripts/configuration-reference.ts`: writes the table of settings in
 * `docs/configuration.md` from the one that the server checks its configuration against.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SETTINGS, type Setting } from '../packages/server/src/settings.ts';
import { fillSection, markdownTable } from './generated-section.ts';

export const CONFIGURATION_PAGE = join(fileURLToPath(new URL('..', import.meta.url)), 'docs/configuration.md');

const UNITS = [
  ['GiB', 1024 ** 3],
  ['MiB', 1024 ** 2],
  ['KiB', 1024],
] as const;

/** The page with its table as the settings are now. */
export function withSettings(page: string): string {
  const rows = SETTINGS.map((setting) => [
    variables(setting),
    `\`${setting.key}\``,
    setting.about,
    standard(setting),
    setting.accepts,
  ]);
  return fillSection(page, 'settings', markdownTable(['variable', 'YAML key', 'meaning', 'default', 'accepted'], rows));
}

function variables({ env, option, secret, aliases }: Setting): string {
  const others = [...(secret ? [`${env}_FILE`] : []), ...aliases, ...(option === undefined ? [] : [option])];
  return [env, ...others].map((name) => `\`${name}\``).join('<br>');
}

function standard({ schema, accepts }: Setting): string {
  const value = schema.parse(undefined);
  if (value === undefined || (Array.isArray(value) && value.length === 0)) return 'none';
  return `\`${typeof value === 'number' && accepts.startsWith('a size') ? inUnits(value) : String(value)}\``;
}

function inUnits(bytes: number): string {
  const unit = UNITS.find(([, size]) => bytes >= size && bytes % size === 0);
  return unit === undefined ? String(bytes) : `${bytes / unit[1]}${unit[0]}`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await writeFile(CONFIGURATION_PAGE, withSettings(await readFile(CONFIGURATION_PAGE, 'utf8')));
}
