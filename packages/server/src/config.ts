/**
 * The server's configuration: one table of settings, read once, from the environment and from an optional YAML file.
 *
 * The environment wins over the file. A fault never stops at the first: {@link loadConfig} looks at everything, and
 * throws one {@link ConfigError} that names each fault with the variable, its value, what is accepted and, where a name
 * looks misspelt, the nearest right one.
 */
import { readFileSync } from 'node:fs';
import { type Arrangement, arrangementOf } from './arrangement.ts';
import { ConfigError, type ConfigFault } from './config-fault.ts';
import { checkNames } from './config-names.ts';
import { nearestName } from './config-spelling.ts';
import { checkTogether } from './config-together.ts';
import { readYaml } from './read-yaml.ts';
import { type ConfigValues, SETTINGS, type Setting } from './settings.ts';

export { ConfigError, type ConfigFault } from './config-fault.ts';

/** The configuration of one server, complete and valid. */
export interface ServerConfig extends ConfigValues {
  /** What the operator should know although it stops nothing. */
  readonly notices: readonly string[];
  readonly arrangement: Arrangement;
}

/**
 * Reads the configuration.
 *
 * @param overrides - settings by key that win over everything, as the command line has them.
 * @throws ConfigError with every fault.
 *
 * @example
 * const config = loadConfig(process.env);
 */
export function loadConfig(
  environment: Readonly<Record<string, string | undefined>>,
  overrides: Readonly<Record<string, unknown>> = {},
  file: string | undefined = environment.TAILRACE_CONFIG,
): ServerConfig {
  const faults: ConfigFault[] = [];
  const notices: string[] = [];
  const fromFile = file === undefined || file === '' ? {} : readConfigFile(file, faults);
  checkNames(environment, faults, notices);

  const values: Record<string, unknown> = {};
  for (const setting of SETTINGS) {
    const found =
      override(setting, overrides) ?? fromEnvironment(setting, environment, faults) ?? inFile(setting, fromFile, file);
    const parsed = setting.schema.safeParse(found?.value);
    if (parsed.success) values[setting.key] = parsed.data;
    else {
      faults.push({
        name: found?.name ?? setting.env,
        ...(setting.secret ? {} : { value: String(found?.value) }),
        message: `must be ${setting.accepts}`,
      });
    }
  }
  checkTogether(values as Partial<ConfigValues>, faults, notices);
  if (faults.length > 0) throw new ConfigError(withHints(faults, notices));
  const complete = values as unknown as ConfigValues;
  return { ...complete, notices, arrangement: arrangementOf(complete) };
}

interface Found {
  readonly name: string;
  readonly value: unknown;
}

function override(setting: Setting, overrides: Readonly<Record<string, unknown>>): Found | undefined {
  const value = overrides[setting.key];
  return value === undefined ? undefined : { name: setting.option ?? setting.key, value };
}

function fromEnvironment(
  setting: Setting,
  environment: Readonly<Record<string, string | undefined>>,
  faults: ConfigFault[],
): Found | undefined {
  const given = [setting.env, ...setting.aliases]
    .flatMap((name) => (setting.secret ? [name, `${name}_FILE`] : [name]))
    .map((name) => ({ name, value: environment[name] ?? '' }))
    .filter(({ name, value }) => value !== '' && !isKubernetesLink(name, value));
  const [first, second] = given;
  if (first === undefined) return undefined;
  if (second !== undefined && (setting.secret || first.value !== second.value)) {
    faults.push({ name: first.name, message: `is set, and so is ${second.name}: give one of them` });
    return undefined;
  }
  if (!setting.secret || !first.name.endsWith('_FILE')) return first;
  try {
    return { name: first.name, value: readFileSync(first.value, 'utf8').trim() };
  } catch (error) {
    faults.push({ ...first, message: `can't be read: ${reasonOf(error)}` });
    return undefined;
  }
}

/** Kubernetes gives `REDIS_PORT=tcp://10.0.0.1:6379` to every pod beside a service of that name. */
function isKubernetesLink(name: string, value: string): boolean {
  return name.endsWith('_PORT') && value.startsWith('tcp://');
}

function inFile(setting: Setting, values: Readonly<Record<string, unknown>>, file: string | undefined) {
  const value = values[setting.key];
  return value === undefined || value === null ? undefined : { name: `${setting.key} in ${file}`, value };
}

function readConfigFile(file: string, faults: ConfigFault[]): Readonly<Record<string, unknown>> {
  let content: unknown;
  try {
    content = readYaml(file) ?? {};
  } catch (error) {
    faults.push({ name: 'TAILRACE_CONFIG', value: file, message: `can't be read: ${reasonOf(error)}` });
    return {};
  }
  if (typeof content !== 'object' || content === null || Array.isArray(content)) {
    faults.push({ name: 'TAILRACE_CONFIG', value: file, message: 'must hold a YAML mapping such as `port: 7300`' });
    return {};
  }
  const keys: readonly string[] = SETTINGS.map((setting) => setting.key);
  for (const key of Object.keys(content)) {
    if (!keys.includes(key))
      faults.push({ name: `${key} in ${file}`, message: `is no setting${didYouMean(key, keys)}` });
  }
  return content as Readonly<Record<string, unknown>>;
}

/** A name that is nearly the one that is missing is what went wrong, not a mere notice. */
function withHints(faults: readonly ConfigFault[], notices: readonly string[]): ConfigFault[] {
  return faults.map((fault) => {
    const hint = notices.find((notice) => notice.endsWith(`did you mean ${fault.name}?`));
    return hint === undefined ? fault : { ...fault, message: `${fault.message}; ${hint}` };
  });
}

function didYouMean(name: string, names: readonly string[]): string {
  const nearest = nearestName(name, names);
  return nearest === undefined ? '' : `; did you mean ${nearest}?`;
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
