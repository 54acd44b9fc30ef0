/** Which files are run: the sources, or what was built of them, which starts ten times as fast. */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { cleanEnvironment, ROOT, runSource, SERVER_ENTRY } from '../../tests/processes.ts';

export interface Programs {
  readonly name: 'source' | 'built';
  runProducer(env: Readonly<Record<string, string>>, logFile: string): ChildProcess;
  /** Runs the `tailrace` command. */
  runTailrace(args: readonly string[], env: Readonly<Record<string, string>>, logFile: string): ChildProcess;
}

const PRODUCER = fileURLToPath(new URL('producer-application.ts', import.meta.url));
const SHIFTED_CLOCK = fileURLToPath(new URL('shifted-clock.ts', import.meta.url));

export const sourcePrograms: Programs = {
  name: 'source',
  runProducer: (env, logFile) => runSource(PRODUCER, [], { env, logFile, preload: [SHIFTED_CLOCK] }),
  runTailrace: (args, env, logFile) => runSource(SERVER_ENTRY, args, { env, logFile }),
};

/** The built packages, and the producer compiled for them. They must have been built: `npm run build`. */
export async function buildPrograms(): Promise<Programs> {
  // Below node_modules, so that `tailrace` is found from there.
  const folder = join(ROOT, 'node_modules', '.cache', 'tailrace-faults');
  await mkdir(folder, { recursive: true });
  await build({
    entryPoints: [PRODUCER, SHIFTED_CLOCK, join(ROOT, 'examples/payments/src/exit-with-parent.ts')],
    outdir: folder,
    entryNames: '[name]',
    outExtension: { '.js': '.mjs' },
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    target: 'node20',
    logLevel: 'warning',
  });
  const compiled = (name: string): string => join(folder, `${name}.mjs`);
  const preload = (name: string): string[] => ['--import', pathToFileURL(compiled(name)).href];
  const run = (args: readonly string[], env: Readonly<Record<string, string>>, logFile: string): ChildProcess => {
    const log = openSync(logFile, 'a');
    const child = spawn(process.execPath, [...preload('exit-with-parent'), ...args], {
      cwd: ROOT,
      env: { ...cleanEnvironment(), ...env },
      stdio: ['ignore', log, log, 'ipc'],
    });
    closeSync(log);
    child.channel?.unref();
    return child;
  };
  return {
    name: 'built',
    runProducer: (env, logFile) => run([...preload('shifted-clock'), compiled('producer-application')], env, logFile),
    runTailrace: (args, env, logFile) => run([join(ROOT, 'packages/server/bin/tailrace.js'), ...args], env, logFile),
  };
}
