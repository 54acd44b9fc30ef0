/** From a sink's description to the sink. */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { CreateSink, Sink, SinkContext } from './sink.ts';
import type { BuiltinSink, SinkSpec } from './types.ts';

/** The sinks that come with the package, loaded when one is made. They check their options themselves. */
const BUILTIN: Readonly<Record<BuiltinSink, () => Promise<{ readonly createSink: CreateSink }>>> = {
  console: () => import('../sinks/console.ts'),
  file: () => import('../sinks/file.ts'),
  tailrace: () => import('../sinks/tailrace.ts'),
  kafka: () => import('../sinks/kafka/index.ts'),
  redis: () => import('../sinks/redis/index.ts'),
  mongodb: () => import('../sinks/mongodb/index.ts'),
  clickhouse: () => import('../sinks/clickhouse/index.ts'),
};

/** Destinations from which events come into a store, or that are one: they account for what is missing. */
const TAKES_LEDGER: ReadonlySet<BuiltinSink> = new Set(['tailrace', 'kafka', 'redis', 'mongodb', 'clickhouse']);

type MadeSpec = Exclude<SinkSpec, { readonly kind: 'main' }>;

/**
 * Makes a sink when its first batch comes. Where it can't be made (a module that isn't there, options that are wrong), it
 * answers `retry` and is made anew at the next batch: a mistake in the configuration costs no event.
 */
export function makeSinkWhenNeeded(spec: MadeSpec, context: SinkContext): Sink {
  let made: Promise<Sink> | undefined;
  const make = (): Promise<Sink> => {
    made ??= makeSink(spec, context);
    made.catch(() => {
      made = undefined;
    });
    return made;
  };
  return {
    name: sinkName(spec),
    takesLedger: spec.kind === 'builtin' ? TAKES_LEDGER.has(spec.name) : spec.takesLedger === true,
    async send(batch, signal) {
      let sink: Sink;
      try {
        sink = await make();
      } catch (error) {
        const reason = `sink ${spec.name} can't be made: ${error instanceof Error ? error.message : String(error)}`;
        context.notice('sink_not_made', reason);
        return { kind: 'retry', reason };
      }
      return sink.send(batch, signal);
    },
    async close() {
      const sink = await made?.catch(() => undefined);
      await sink?.close?.();
    },
  };
}

/** What the sink is called in metrics and messages. */
export function sinkName(spec: MadeSpec): string {
  const options = spec.options;
  if (spec.kind !== 'builtin' || typeof options !== 'object' || options === null || !('name' in options))
    return spec.name;
  return typeof options.name === 'string' ? options.name : spec.name;
}

async function makeSink(spec: MadeSpec, context: SinkContext): Promise<Sink> {
  if (spec.kind === 'builtin') {
    const load = Object.hasOwn(BUILTIN, spec.name) ? BUILTIN[spec.name] : undefined;
    if (load === undefined)
      throw new TypeError(`there is no sink ${spec.name}; there are ${Object.keys(BUILTIN).join(', ')}`);
    const { createSink } = await load();
    return createSink(spec.options, context);
  }
  const module: unknown = await importFromApplication(spec.module);
  if (
    typeof module !== 'object' ||
    module === null ||
    !('createSink' in module) ||
    typeof module.createSink !== 'function'
  ) {
    throw new TypeError(`module ${spec.module} exports no function createSink`);
  }
  return module.createSink(spec.options, context);
}

/** A bare name is looked for from this package first, then from where the application runs. */
async function importFromApplication(specifier: string): Promise<unknown> {
  try {
    return await import(specifier);
  } catch (error) {
    if (specifier.startsWith('file:') || !isNotFound(error)) throw error;
    const resolve = createRequire(join(process.cwd(), 'application.js')).resolve;
    return import(pathToFileURL(resolve(specifier)).href);
  }
}

function isNotFound(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND';
}
