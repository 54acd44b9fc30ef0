/** The agent's configuration: a YAML file, flags, and the library's own environment. All faults are found before one is told. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { consoleSink, fileSink, type RouteOptions, type TailraceOptions, tailraceSink } from 'tailrace';
import { type Environment, type ResolvedOptions, resolveOptions, TailraceConfigError } from 'tailrace/configuration';
import { faultsOfRedaction } from 'tailrace/redaction';
import { z } from 'zod';
import { nearestName } from '../config-spelling.ts';
import { readYaml } from '../read-yaml.ts';
import type { AgentInput } from './input.ts';
import { FILES_CURSOR } from './own-spool.ts';
import { FORMATS } from './parse/parsed-entry.ts';

export interface AgentConfig {
  readonly dataDir: string;
  readonly inputs: readonly AgentInput[];
  /** Data folders of applications whose dead processes' spools are delivered. */
  readonly spools: readonly string[];
  readonly routes: readonly RouteOptions[];
  readonly library: Pick<ResolvedOptions, 'sampling' | 'redaction' | 'limits'>;
  readonly spool: { readonly maxBytes: number | undefined; readonly fsync: 'off' | 'always' | number | undefined };
  readonly pollMs: number;
  readonly scanMs: number;
  readonly multilineMs: number;
  readonly partialLineMs: number;
  readonly rotatedMs: number;
  readonly seekMs: number;
  readonly maxLineBytes: number;
  readonly maxOpenFiles: number;
  readonly metricsPort: number | undefined;
  readonly metricsHost: string;
}

/** What the command line says. */
export interface AgentFlags {
  readonly file?: readonly string[];
  readonly exclude?: readonly string[];
  readonly format?: string;
  readonly service?: string;
  readonly spools?: readonly string[];
  readonly to?: string;
  readonly dataDir?: string;
  readonly pollMs?: string;
  readonly metricsPort?: string;
}

const globs = z.union([
  z
    .string()
    .min(1)
    .transform((text) => [text]),
  z.array(z.string().min(1)),
]);
const scalar = z.union([z.string(), z.number(), z.boolean()]);
const inputSchema = z.strictObject({
  name: z.string().min(1).max(100).optional(),
  include: globs,
  exclude: globs.optional(),
  format: z.enum(FORMATS).default('auto'),
  multiline: z
    .union([
      z.enum(['auto', 'off']),
      z.literal(false).transform(() => 'off' as const),
      z.strictObject({ start: z.string().min(1) }),
    ])
    .optional(),
  timezone: z.enum(['utc', 'local']).default('utc'),
  from: z.enum(['start', 'end']).default('start'),
  service: z.string().min(1).max(256).optional(),
  environment: z.string().min(1).optional(),
  version: z.string().min(1).optional(),
  pathPattern: z.string().min(1).optional(),
  fields: z.record(z.string().min(1), scalar).default({}),
});
const number = (min: number, max: number) => z.preprocess(asNumber, z.number().min(min).max(max));
const configSchema = z.strictObject({
  dataDir: z.string().min(1).optional(),
  inputs: z.array(inputSchema).default([]),
  spools: globs.default([]),
  to: z.string().min(1).optional(),
  routes: z.unknown().optional(),
  sampling: z.unknown().optional(),
  redaction: z.unknown().optional(),
  limits: z.unknown().optional(),
  spool: z.unknown().optional(),
  pollMs: number(10, 600_000).default(250),
  scanMs: number(10, 3_600_000).default(2_000),
  multilineMs: number(10, 600_000).default(1_000),
  partialLineMs: number(10, 3_600_000).default(5_000),
  rotatedMs: number(100, 86_400_000).default(60_000),
  seekMs: number(100, 86_400_000).default(60_000),
  maxLineBytes: number(1024, 512 * 1024).default(256 * 1024),
  maxOpenFiles: number(1, 100_000).default(256),
  metricsPort: number(0, 65_535).optional(),
  metricsHost: z.string().min(1).default('127.0.0.1'),
});

export const CONFIG_KEYS = Object.keys(configSchema.shape);
export const INPUT_KEYS = Object.keys(inputSchema.shape);

/**
 * @param file - the YAML file, or what would stand in it.
 * @throws TailraceConfigError naming every fault.
 */
export function loadAgentConfig(
  flags: AgentFlags,
  file: string | Readonly<Record<string, unknown>> | undefined,
  env: Environment,
  cwd: string,
): AgentConfig {
  const faults: string[] = [];
  const given = typeof file === 'string' ? readSettings(file, faults) : (file ?? {});
  const config = parseConfig(withFlags(given, flags), faults);
  const library = resolveLibrary(config, given, env, cwd, faults);
  const inputs = (config?.inputs ?? []).flatMap((input, i) => compileInput(input, i, cwd, faults));
  const names = inputs.map(({ name }) => name);
  for (const name of new Set(names.filter((name, i) => names.indexOf(name) !== i))) {
    faults.push(`two inputs have the name ${JSON.stringify(name)}: the positions of files are kept by it`);
  }
  if (config !== undefined && config.inputs.length === 0 && config.spools.length === 0) {
    faults.push('there is nothing to do: give --file, --spools, or a file with inputs (--config)');
  }
  if (library?.routes.some(({ name }) => name === FILES_CURSOR)) {
    faults.push(`a route may not be called ${FILES_CURSOR}: the agent's own cursor is`);
  }
  if (faults.length > 0 || config === undefined || library === undefined) throw new TailraceConfigError(faults);
  return {
    ...config,
    dataDir: resolve(cwd, config.dataDir ?? env.TAILRACE_AGENT_DATA_DIR ?? 'tailrace-agent'),
    inputs,
    spools: config.spools.map((folder) => resolve(cwd, folder)),
    metricsPort: config.metricsPort,
    routes: library.routes,
    library,
    spool:
      library.spool === 'memory'
        ? { maxBytes: undefined, fsync: undefined }
        : { maxBytes: library.spool.maxBytes, fsync: library.spool.fsync },
  };
}

/** What is wrong is told and left out, so that the rest is looked at too. */
function parseConfig(given: Readonly<Record<string, unknown>>, faults: string[]): Config | undefined {
  const parsed = configSchema.safeParse(given);
  if (parsed.success) return parsed.data;
  faults.push(...parsed.error.issues.flatMap(describeIssue));
  const rest = structuredClone(given);
  for (const issue of parsed.error.issues) {
    const isUnknown = issue.code === 'unrecognized_keys';
    for (const key of isUnknown ? issue.keys : issue.path.slice(-1)) {
      remove(rest, isUnknown ? issue.path : issue.path.slice(0, -1), key);
    }
  }
  return configSchema.safeParse(rest).data;
}

function remove(value: unknown, path: readonly PropertyKey[], key: PropertyKey): void {
  if (typeof value !== 'object' || value === null) return;
  const [first, ...rest] = path;
  if (first === undefined) Reflect.deleteProperty(value, key);
  else remove(Reflect.get(value, first), rest, key);
}

function withFlags(given: Readonly<Record<string, unknown>>, flags: AgentFlags): Record<string, unknown> {
  const { file, exclude, format, service, spools, to, dataDir, pollMs, metricsPort } = flags;
  const config: Record<string, unknown> = { ...given };
  if (file !== undefined && file.length > 0) {
    const input = { name: 'files', include: file, exclude, format, service };
    const known = Object.fromEntries(Object.entries(input).filter(([, value]) => value !== undefined));
    config.inputs = [...(Array.isArray(given.inputs) ? given.inputs : []), known];
  }
  for (const [key, value] of Object.entries({ spools, to, dataDir, pollMs, metricsPort })) {
    if (value !== undefined) config[key] = value;
  }
  return config;
}

type Config = z.output<typeof configSchema>;

/** The library's options by the library's own rules, except that nothing is left out unless somebody says so. */
function resolveLibrary(
  config: Config | undefined,
  given: Readonly<Record<string, unknown>>,
  env: Environment,
  cwd: string,
  faults: string[],
): ResolvedOptions | undefined {
  const routes = config?.to === undefined ? given.routes : routesTo(config.to, env, faults);
  if (config?.to !== undefined && given.routes !== undefined)
    faults.push('both `to` and `routes` say where events go: give one');
  const options: Record<string, unknown> = { service: 'agent', includeStack: true };
  for (const [key, value] of Object.entries({
    routes,
    sampling: given.sampling,
    redaction: given.redaction,
    limits: given.limits,
    spool: given.spool,
  })) {
    if (value !== undefined) options[key] = value;
  }
  const everything = env.LOG_SAMPLING_NORMAL_RATE === undefined ? { ...env, LOG_SAMPLING_NORMAL_RATE: '1' } : env;
  try {
    // What it is made of is checked by the library, which names each fault.
    return resolveOptions(options as TailraceOptions, everything, cwd);
  } catch (error) {
    if (!(error instanceof TailraceConfigError)) throw error;
    faults.push(...error.faults);
    return undefined;
  }
}

/** `http://host:7300`, `file:/var/log/events.ndjson` or `console`. */
function routesTo(to: string, env: Environment, faults: string[]): readonly RouteOptions[] {
  if (to === 'console') return [{ name: 'console', sinks: [consoleSink()] }];
  if (to.startsWith('file:'))
    return [{ name: 'file', sinks: [fileSink({ path: resolve(to.replace(/^file:(?:\/\/)?/, '')) })] }];
  if (!/^https?:\/\//.test(to) || !URL.canParse(to)) {
    faults.push(`to is ${JSON.stringify(to)}; accepted: http://host:port of a Tailrace server, file:/path, console`);
    return [{ name: 'console', sinks: [consoleSink()] }];
  }
  const key = readKey(env, faults);
  return [{ name: 'tailrace', sinks: [tailraceSink(key === undefined ? { url: to } : { url: to, key })] }];
}

function readKey(env: Environment, faults: string[]): string | undefined {
  const { TAILRACE_INGEST_KEY: key, TAILRACE_INGEST_KEY_FILE: file } = env;
  if ((key ?? '') !== '' || (file ?? '') === '') return key === '' ? undefined : key;
  try {
    return readFileSync(file ?? '', 'utf8').trim();
  } catch (error) {
    faults.push(`TAILRACE_INGEST_KEY_FILE is ${file}; accepted: a file that can be read (${String(error)})`);
    return undefined;
  }
}

function compileInput(input: Config['inputs'][number], i: number, cwd: string, faults: string[]): AgentInput[] {
  const at = `inputs[${i}]`;
  const {
    name,
    include,
    exclude = [],
    multiline,
    pathPattern,
    timezone,
    service,
    environment,
    version,
    ...rest
  } = input;
  const start =
    typeof multiline === 'object' ? compileForLines(`${at}.multiline.start`, multiline.start, faults) : undefined;
  const pattern = pathPattern === undefined ? undefined : compile(`${at}.pathPattern`, pathPattern, faults);
  // A format that names what a line is has entries of one line.
  const isOneLine = input.format !== 'auto' && input.format !== 'text';
  return [
    {
      ...rest,
      name: name ?? `input-${i + 1}`,
      include: include.map((glob) => resolve(cwd, glob)),
      exclude: exclude.map((glob) => (glob.includes('/') ? resolve(cwd, glob) : `**/${glob}`)),
      multiline: start ?? (typeof multiline === 'string' ? multiline : isOneLine ? 'off' : 'auto'),
      zone: timezone,
      pathPattern: pattern,
      service,
      environment,
      version,
    },
  ];
}

function compile(at: string, source: string, faults: string[]): RegExp | undefined {
  try {
    return new RegExp(source);
  } catch (error) {
    faults.push(
      `${at} is ${JSON.stringify(source)}; accepted: a regular expression (${error instanceof Error ? error.message : String(error)})`,
    );
    return undefined;
  }
}

/** A pattern is tried on every line: one that could take for ever on some of them is refused, as in the redaction. */
function compileForLines(at: string, source: string, faults: string[]): RegExp | undefined {
  const pattern = compile(at, source, faults);
  if (pattern === undefined) return undefined;
  for (const fault of faultsOfRedaction({ patterns: [{ kind: at, pattern }] })) {
    faults.push(`${at}: ${fault.replace(/^redaction\.patterns: /, '')}`);
  }
  return pattern;
}

function readSettings(file: string, faults: string[]): Readonly<Record<string, unknown>> {
  try {
    const value = readYaml(file) ?? {};
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value };
    faults.push(`${file} holds no settings: its top must be keys such as inputs and to`);
  } catch (error) {
    faults.push(`${file} can't be read: ${error instanceof Error ? error.message : String(error)}`);
  }
  return {};
}

function describeIssue(issue: z.core.$ZodIssue): string[] {
  const path = issue.path
    .map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`))
    .join('')
    .replace(/^\./, '');
  if (issue.code === 'unrecognized_keys') {
    const known = issue.path[0] === 'inputs' ? INPUT_KEYS : CONFIG_KEYS;
    return issue.keys.map((key) => {
      const near = nearestName(key, known);
      const where = path === '' ? key : `${path}.${key}`;
      return `${where} is no setting; accepted: ${known.join(', ')}${near === undefined ? '' : `. Did you mean ${near}?`}`;
    });
  }
  return [`${path === '' ? 'the configuration' : path}: ${issue.message}`];
}

function asNumber(value: unknown): unknown {
  return typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value;
}
