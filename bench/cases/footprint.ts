/**
 * P10: what a logger costs before it has logged anything: the time until it stands, the memory of a process that has it
 * and does nothing, the bytes and the packages that its installation brings.
 *
 * Time and memory are those of a process with the logger less those of one without, in turns. Bytes and packages are those of
 * the package and of what it needs, as they lie in `node_modules`; what it may use but doesn't need isn't counted.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { CaseResult } from '../result.ts';
import { type Spread, spreadOf } from '../statistics.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Each makes its logger in the simplest way that writes to a file, and keeps it. */
const LOGGERS: Readonly<Record<string, string>> = {
  tailrace: `const { createTailrace, fileSink } = await import('tailrace');
    globalThis.kept = createTailrace({ service: 'a', dataDir: folder, routes: [{ name: 'f', sinks: [fileSink({ path: folder + '/a' })] }] });`,
  pino: `const { default: pino } = await import('pino');
    globalThis.kept = pino(pino.destination({ dest: folder + '/a', sync: true }));`,
  winston: `const { default: winston } = await import('winston');
    globalThis.kept = winston.createLogger({ transports: [new winston.transports.File({ filename: folder + '/a' })] });`,
  evlog: `const { initLogger, createRequestLogger } = await import('evlog');
    const { createFsDrain } = await import('evlog/fs');
    initLogger({ env: { service: 'a' }, silent: true, drain: createFsDrain({ dir: folder }) });
    globalThis.kept = createRequestLogger({});`,
};

const PROGRAM = (make: string): string => `
  const folder = process.argv[1];
  const started = performance.now();
  ${make}
  const readyMs = performance.now() - started;
  setTimeout(() => {
    global.gc();
    console.log(JSON.stringify({ readyMs, rssMiB: process.memoryUsage.rss() / 1048576 }));
    process.exit(0);
  }, 500);`;

interface Start {
  readonly readyMs: number;
  readonly rssMiB: number;
}

export function measureFootprint(rounds: number, onProgress: (text: string) => void): CaseResult[] {
  const names = Object.keys(LOGGERS);
  const starts = new Map<string, Start[]>(['nothing', ...names].map((name) => [name, []]));
  for (let round = 0; round < rounds; round += 1) {
    onProgress(`round ${round + 1} of ${rounds}`);
    for (const [name, found] of starts) found.push(startOnce(LOGGERS[name] ?? ''));
  }
  const more = (name: string, kind: keyof Start): number[] =>
    (starts.get(name) ?? []).map((start, i) => start[kind] - (starts.get('nothing')?.[i]?.[kind] ?? 0));
  const installed = new Map(names.map((name) => [name, installationOf(name)]));
  const certain = (value: number): Spread => ({ median: value, low: value, high: value });
  const size = (name: string): number => (installed.get(name)?.bytes ?? Number.NaN) / 1024;
  const packages = (name: string): number => installed.get(name)?.packages ?? Number.NaN;

  const compare = (id: string, title: string, unit: string, of: (name: string) => Spread): CaseResult => ({
    id,
    title,
    unit,
    name: 'tailrace',
    ours: of('tailrace'),
    comparisons: names
      .filter((name) => name !== 'tailrace')
      .map((peer) => ({ peer, theirs: of(peer), ratio: certain(of('tailrace').median / of(peer).median) })),
  });
  return [
    compare('P10', 'start-up: until the logger stands', 'ms', (name) => spreadOf(more(name, 'readyMs'))),
    compare('P10b', 'idle memory, beside that of Node', 'MiB', (name) => spreadOf(more(name, 'rssMiB'))),
    compare('P10c', 'installed size', 'KiB', (name) => certain(size(name))),
    compare('P10d', 'installed packages', 'packages', (name) => certain(packages(name))),
  ];
}

function startOnce(make: string): Start {
  const folder = mkdtempSync(join(tmpdir(), 'tailrace-bench-'));
  try {
    const output = execFileSync(process.execPath, ['--expose-gc', '--input-type=module', '-e', PROGRAM(make), folder], {
      cwd: join(ROOT, 'bench'),
      env: { ...process.env, NODE_ENV: 'production' },
    });
    return JSON.parse(output.toString());
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The package and all that it depends on, each once. */
function installationOf(name: string): { readonly bytes: number; readonly packages: number } {
  const folders = new Set<string>();
  const visit = (wanted: string, from: string): void => {
    const folder = findPackage(wanted, from);
    if (folder === undefined || folders.has(folder)) return;
    folders.add(folder);
    const { dependencies = {} }: { dependencies?: Record<string, string> } = JSON.parse(
      readFileSync(join(folder, 'package.json'), 'utf8'),
    );
    for (const dependency of Object.keys(dependencies)) visit(dependency, folder);
  };
  visit(name, join(ROOT, 'bench'));
  if (folders.size === 0) throw new Error(`${name} is not installed`);
  let bytes = 0;
  for (const folder of folders) bytes += name === 'tailrace' ? packedBytes() : bytesOf(folder);
  return { bytes, packages: folders.size };
}

/** What npm would publish: the working folder holds sources and tests beside it. */
function packedBytes(): number {
  const output = execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts', '-w', 'tailrace'], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const packed: unknown = JSON.parse(output.toString());
  const [first] = Array.isArray(packed) ? packed : Object.values(packed as object);
  return Number((first as { unpackedSize: number }).unpackedSize);
}

function findPackage(name: string, from: string): string | undefined {
  for (let folder = from; folder.startsWith(ROOT.replace(/\/$/, '')); folder = join(folder, '..')) {
    const candidate = join(folder, 'node_modules', name);
    if (existsSync(join(candidate, 'package.json'))) return candidate;
  }
  return undefined;
}

function bytesOf(folder: string): number {
  let bytes = 0;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.name === 'node_modules') continue;
    const path = join(folder, entry.name);
    bytes += entry.isDirectory() ? bytesOf(path) : lstatSync(path).size;
  }
  return bytes;
}
