/**
 * The server's configuration: one table of settings, read once, from the environment and from an optional YAML file.
 *
 * The environment wins over the file. A fault never stops at the first: {@link loadConfig} looks at everything, and
 * throws one {@link ConfigError} that names each fault with the variable, its value, what is accepted and, where a name
 * looks misspelt, the nearest right one.
 */
import { readFileSync } from 'node:fs';
import { parse as parseYaml } from 'yaml';
import { isLoopback } from './access/hosts.ts';
import { nearestName } from './config-spelling.ts';
import { type ConfigValues, SETTINGS, type Setting } from './settings.ts';

/** The configuration of one server, complete and valid. */
export interface ServerConfig extends ConfigValues {
  /** What the operator should know although it stops nothing. */
  readonly notices: readonly string[];
}

export interface ConfigFault {
  /** The variable, or the path in the YAML file. */
  readonly name: string;
  /** The value as given; never that of a key. */
  readonly value?: string;
  readonly message: string;
}

/** Every fault of a configuration at once. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly code = 'CONFIG_INVALID';
  readonly faults: readonly ConfigFault[];

  constructor(faults: readonly ConfigFault[]) {
    super(['The configuration has faults:', ...faults.map((fault) => `  ${describeFault(fault)}`)].join('\n'));
    this.faults = faults;
  }
}

/** Names that belong to the library or to other programs and may stand in the same environment. */
const FOREIGN_NAMES = new Set(['TAILRACE_URL', 'TAILRACE_CONFIG', 'TAILRACE_SERVICE']);
/** Kubernetes puts these into every pod next to a service that is called `tailrace`. */
const KUBERNETES_NAME = /^TAILRACE_(?:SERVICE_(?:HOST|PORT)|PORT_\d)/;

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
  checkTogether(values as Partial<ConfigValues>, faults);
  if (faults.length > 0) throw new ConfigError(faults);
  return { ...(values as unknown as ConfigValues), notices };
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
  const value = environment[setting.env];
  const fileName = setting.secret ? environment[`${setting.env}_FILE`] : undefined;
  if (fileName !== undefined && fileName !== '') {
    if (value !== undefined && value !== '') {
      faults.push({ name: setting.env, message: `is set, and so is ${setting.env}_FILE: give one of them` });
      return undefined;
    }
    try {
      return { name: `${setting.env}_FILE`, value: readFileSync(fileName, 'utf8').trim() };
    } catch (error) {
      faults.push({ name: `${setting.env}_FILE`, value: fileName, message: `can't be read: ${reasonOf(error)}` });
      return undefined;
    }
  }
  if (value === undefined || value === '' || isKubernetesLink(setting, value)) return undefined;
  return { name: setting.env, value };
}

function isKubernetesLink(setting: Setting, value: string): boolean {
  return setting.env === 'TAILRACE_PORT' && value.startsWith('tcp://');
}

function inFile(setting: Setting, values: Readonly<Record<string, unknown>>, file: string | undefined) {
  const value = values[setting.key];
  return value === undefined || value === null ? undefined : { name: `${setting.key} in ${file}`, value };
}

function readConfigFile(file: string, faults: ConfigFault[]): Readonly<Record<string, unknown>> {
  let content: unknown;
  try {
    content = parseYaml(readFileSync(file, 'utf8')) ?? {};
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

function checkNames(
  environment: Readonly<Record<string, string | undefined>>,
  faults: ConfigFault[],
  notices: string[],
): void {
  const known = new Set(FOREIGN_NAMES);
  for (const setting of SETTINGS) {
    known.add(setting.env);
    if (setting.secret) known.add(`${setting.env}_FILE`);
  }
  for (const name of Object.keys(environment)) {
    if (!/^TAILRACE_/i.test(name) || known.has(name) || KUBERNETES_NAME.test(name)) continue;
    const nearest = nearestName(name.toUpperCase(), [...known]);
    if (nearest === undefined) notices.push(`${name} is set, and is no setting of the server: it does nothing here`);
    else faults.push({ name, message: `is no setting; did you mean ${nearest}?` });
  }
}

function checkTogether(values: Partial<ConfigValues>, faults: ConfigFault[]): void {
  if (values.host !== undefined && !isLoopback(values.host)) {
    const missing = [
      values.ingestKey === undefined ? 'TAILRACE_INGEST_KEY' : '',
      values.readKey === undefined ? 'TAILRACE_READ_KEY' : '',
    ].filter((name) => name !== '');
    if (missing.length > 0) {
      faults.push({
        name: 'TAILRACE_HOST',
        value: values.host,
        message: `is open to other machines, so keys are needed: set ${missing.join(' and ')} (or the _FILE variant)`,
      });
    }
  }
  if (values.ingestKey !== undefined && values.ingestKey === values.readKey) {
    faults.push({ name: 'TAILRACE_READ_KEY', message: 'must differ from TAILRACE_INGEST_KEY' });
  }
  const { maxLineBytes, maxBodyBytes } = values;
  if (maxLineBytes !== undefined && maxBodyBytes !== undefined && maxLineBytes > maxBodyBytes) {
    faults.push({
      name: 'TAILRACE_MAX_LINE_BYTES',
      value: String(maxLineBytes),
      message: `must not be above TAILRACE_MAX_BODY_BYTES (${maxBodyBytes})`,
    });
  }
}

function didYouMean(name: string, names: readonly string[]): string {
  const nearest = nearestName(name, names);
  return nearest === undefined ? '' : `; did you mean ${nearest}?`;
}

function describeFault(fault: ConfigFault): string {
  return fault.value === undefined
    ? `${fault.name} ${fault.message}`
    : `${fault.name}=${JSON.stringify(fault.value)} ${fault.message}`;
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
