/**
 * The programs that a campaign runs: library, server and producer, compiled from the sources into a folder of its own. So nothing
 * has to be built before, a build beside it does no harm, and a start takes a fraction of what it takes from TypeScript.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { type BuildOptions, build } from 'esbuild';
import { cleanEnvironment, ROOT } from '../../tests/processes.ts';

export interface Programs {
  runProducer(env: Readonly<Record<string, string>>, logFile: string): ChildProcess;
  /** Runs the `tailrace` command. */
  runTailrace(args: readonly string[], env: Readonly<Record<string, string>>, logFile: string): ChildProcess;
  /** Runs another program that was compiled along, by the name of its file. */
  runOther(name: string, args: readonly string[], logFile: string): ChildProcess;
  /** Removes them. */
  remove(): Promise<void>;
}

type Exports = Readonly<Record<string, string | Readonly<Record<string, string>>>>;

const LIBRARY = join(ROOT, 'packages/tailrace');
const SERVER = join(ROOT, 'packages/server');
const CACHE = join(ROOT, 'node_modules/.cache');
const OWN = ['producer-application', 'shifted-clock'].map((name) =>
  fileURLToPath(new URL(`${name}.ts`, import.meta.url)),
);
const EXIT_WITH_PARENT = join(ROOT, 'examples/payments/src/exit-with-parent.ts');
const COMPILED: BuildOptions = {
  bundle: true,
  splitting: true,
  packages: 'external',
  platform: 'node',
  format: 'esm',
  target: 'node20.19',
  logLevel: 'warning',
};

/** @param others - files to compile along */
export async function compilePrograms(others: readonly string[] = []): Promise<Programs> {
  // Below node_modules, so that everything that isn't ours is found from there; `tailrace` is found nearer.
  await mkdir(CACHE, { recursive: true });
  const folder = await mkdtemp(join(CACHE, 'tailrace-faults-'));
  const library = join(folder, 'node_modules/tailrace');
  const server = join(folder, 'server');
  await Promise.all([
    compileLibrary(library),
    compileServer(server),
    build({ ...COMPILED, entryPoints: [...OWN, EXIT_WITH_PARENT, ...others], outdir: folder, entryNames: '[name]' }),
  ]);
  const preload = (name: string): string[] => ['--import', pathToFileURL(join(folder, `${name}.js`)).href];
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
    runProducer: (env, logFile) =>
      run([...preload('shifted-clock'), join(folder, 'producer-application.js')], env, logFile),
    runTailrace: (args, env, logFile) => run([join(server, 'dist/tailrace.js'), ...args], env, logFile),
    runOther: (name, args, logFile) => run([join(folder, `${name}.js`), ...args], {}, logFile),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

/** Each entry as one file and what they share in chunks, as it is published: the worker's file is one of them. */
async function compileLibrary(folder: string): Promise<void> {
  const { exports }: { readonly exports: Exports } = JSON.parse(await readFile(join(LIBRARY, 'package.json'), 'utf8'));
  const sources = Object.values(exports).flatMap((entry) =>
    typeof entry === 'string' ? [] : [entry['@tailrace/source'] ?? ''],
  );
  await build({
    ...COMPILED,
    absWorkingDir: LIBRARY,
    entryPoints: sources.filter((source) => source !== ''),
    outbase: 'src',
    outdir: join(folder, 'dist'),
    tsconfig: join(LIBRARY, 'tsconfig.json'),
  });
  await copyFile(join(LIBRARY, 'package.json'), join(folder, 'package.json'));
}

async function compileServer(folder: string): Promise<void> {
  await build({
    ...COMPILED,
    absWorkingDir: SERVER,
    entryPoints: ['src/cli/tailrace.ts'],
    outdir: join(folder, 'dist'),
    // All in files of one folder, from which `../package.json` is the server's.
    entryNames: '[name]',
    chunkNames: '[name]-[hash]',
  });
  await copyFile(join(SERVER, 'package.json'), join(folder, 'package.json'));
}
