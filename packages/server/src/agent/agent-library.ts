/** What the agent does with events once it has read them: the library's options, and where `to` sends them. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { consoleSink, fileSink, type RouteOptions, type TailraceOptions, tailraceSink } from 'tailrace';
import { type Environment, type ResolvedOptions, resolveOptions, TailraceConfigError } from 'tailrace/configuration';
import type { AgentSettings } from './agent-settings.ts';

/** The library's options by the library's own rules, except that nothing is left out unless somebody says so. */
export function resolveLibrary(
  config: AgentSettings | undefined,
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
