/** The agent's configuration: a YAML file, flags, and the library's own environment. All faults are found before one is told. */
import { resolve } from 'node:path';
import type { RouteOptions } from 'tailrace';
import { type Environment, type ResolvedOptions, TailraceConfigError } from 'tailrace/configuration';
import { resolveLibrary } from './agent-library.ts';
import { parseSettings, readSettings } from './agent-settings.ts';
import { compileInput } from './compile-input.ts';
import type { AgentInput } from './input.ts';
import { FILES_CURSOR } from './own-spool.ts';

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
  const config = parseSettings(withFlags(given, flags), faults);
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
