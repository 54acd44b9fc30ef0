/** The library as it is published: packed, unpacked somewhere else, and used from there. */
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cleanEnvironment, endProcess, freePort, ROOT, runSource, SERVER_ENTRY, waitFor } from './processes.ts';
import { createServerClient, type ServerClient } from './server-client.ts';

const run = promisify(execFile);
const LIBRARY = join(ROOT, 'packages/tailrace');

/** The program that each kind of project runs; `load` is how that kind gets the library. */
const program = (load: string) => `${load}
const tailrace = createTailrace({ service: process.env.PROJECT });
tailrace.run({ route: '/orders', method: 'POST' }, () => {
  tailrace.set({ 'order.number': 42 });
  tailrace.error(Object.assign(new Error('sold out'), { code: 'SOLD_OUT' }));
});
tailrace.close().then(() => console.log('closed'));
`;

const PROGRAMS = {
  esm: { file: 'program.mjs', source: program("import { createTailrace } from 'tailrace';") },
  cjs: { file: 'program.cjs', source: program("const { createTailrace } = require('tailrace');") },
} as const;

describe('the packed library', () => {
  let folder: string;
  let files: readonly string[];
  let server: ReturnType<typeof runSource>;
  let client: ServerClient;
  let url: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tailrace-package-'));
    files = await packInto(folder);
    const port = await freePort();
    url = `http://127.0.0.1:${port}`;
    client = createServerClient(url);
    server = runSource(SERVER_ENTRY, ['server'], {
      logFile: join(folder, 'server.log'),
      env: { TAILRACE_PORT: String(port), TAILRACE_DATA_DIR: join(folder, 'server') },
    });
    await waitFor('the server', async () => ((await client.isReady()) ? true : undefined));
  }, 120_000);

  afterAll(async () => {
    if (server !== undefined) await endProcess(server, 'SIGTERM');
    await rm(folder, { recursive: true, force: true });
  });

  /** Runs a program in the project and returns what it printed to stderr. */
  async function runProgram(project: string, file: string, cwd = folder): Promise<string> {
    const env = {
      ...cleanEnvironment(),
      PROJECT: project,
      TAILRACE_URL: url,
      TAILRACE_DATA_DIR: join(folder, `data-${project}`),
    };
    const { stdout, stderr } = await run(process.execPath, [file], { cwd, env, timeout: 30_000 });
    expect(stdout.trim()).toBe('closed');
    return stderr;
  }

  async function expectStored(project: string): Promise<void> {
    const found = await waitFor(`the event of ${project}`, async () => {
      const events = await client.search(`service:${project}`, '-15m', 'now');
      return events.length > 0 ? events : undefined;
    });
    expect(found).toHaveLength(1);
    expect(found[0]).toMatchObject({ 'error.code': 'SOLD_OUT', 'order.number': 42, 'sampling.rule': 'HAS_ERROR' });
  }

  it('holds compiled modules with their types, and neither tests nor sources', async () => {
    expect(files.filter((file) => /\.test\.|(?<!\.d)\.ts$|\.tsbuildinfo$|^src\//.test(file))).toEqual([]);
    const manifest: unknown = JSON.parse(await readFile(join(LIBRARY, 'package.json'), 'utf8'));
    const targets = exportTargets(manifest).filter((target) => !target.includes('/src/'));
    expect(targets.length).toBeGreaterThan(10);
    const expected = [...targets.map((target) => target.replace(/^\.\//, '')), 'LICENSE', 'README.md'];
    expect(expected.filter((file) => !files.includes(file))).toEqual([]);
  });

  it.each(['esm', 'cjs'] as const)('works from a plain JavaScript project: %s', async (kind) => {
    const { file, source } = PROGRAMS[kind];
    await writeFile(join(folder, file), source);
    expect(await runProgram(`plain-${kind}`, file)).toBe('');
    await expectStored(`plain-${kind}`);
  });

  it('the example of its README runs', async () => {
    const readme = await readFile(join(folder, 'node_modules/tailrace/README.md'), 'utf8');
    const example = /```js\n([\s\S]*?)```/.exec(readme)?.[1];
    expect(example).toContain('tailrace.step');
    await writeFile(join(folder, 'readme.mjs'), example ?? '');
    const env = { ...cleanEnvironment(), TAILRACE_DATA_DIR: join(folder, 'data-readme') };
    const { stderr } = await run(process.execPath, ['readme.mjs'], { cwd: folder, env, timeout: 30_000 });
    expect(stderr).toBe('');
  });

  it.each([
    ['esm', 'esm'],
    ['cjs', 'cjs'],
    ['esm', 'cjs'],
  ] as const)('works when esbuild has bundled it: %s to %s', async (from, to) => {
    const { file, source } = PROGRAMS[from];
    await writeFile(join(folder, file), source);
    const project = `bundled-${from}-${to}`;
    const outfile = join(folder, `${project}.${to === 'esm' ? 'mjs' : 'cjs'}`);
    const { warnings } = await build({
      entryPoints: [join(folder, file)],
      outfile,
      bundle: true,
      platform: 'node',
      format: to,
      logLevel: 'silent',
    });
    // A CommonJS bundle has no import.meta; esbuild says so, and delivery then runs without a worker.
    expect(warnings.filter((warning) => warning.id !== 'empty-import-meta')).toEqual([]);
    // The bundle goes elsewhere, so that it can't find the library's files beside itself or in node_modules.
    const elsewhere = await mkdtemp(join(tmpdir(), 'tailrace-bundle-'));
    try {
      const moved = join(elsewhere, `program.${to === 'esm' ? 'mjs' : 'cjs'}`);
      await cp(outfile, moved);
      const stderr = await runProgram(project, moved, elsewhere);
      // The first warning of a process gets a line of Node's own, on how to trace warnings.
      const lines = stderr.split('\n').filter((line) => line !== '' && !line.startsWith('(Use `node --trace-warnings'));
      expect(lines).toHaveLength(1);
      expect(lines[0]).toMatch(/the file of the delivery worker was not found.*delivery runs on the main thread/);
      await expectStored(project);
    } finally {
      await rm(elsewhere, { recursive: true, force: true });
    }
  });

  it('has types that a strict TypeScript project can use', async () => {
    const source = `import { createTailrace, type TailraceEvent } from 'tailrace';
import { TailraceModule } from 'tailrace/nestjs';
const tailrace = createTailrace({ service: 'typed', sampling: { normalRate: 0.5 } });
const answer: number = await tailrace.step('ask', { service: 'oracle' }, async () => 42);
tailrace.set({ answer });
// @ts-expect-error: a rate is a number
createTailrace({ sampling: { normalRate: 'half' } });
export const service = (event: TailraceEvent): string => event.service;
export const module = TailraceModule.forRoot({ service: 'typed' });
`;
    await writeFile(join(folder, 'typed.ts'), source);
    await writeFile(join(folder, 'package.json'), '{ "type": "module", "private": true }');
    const compilerOptions = {
      target: 'es2023',
      module: 'nodenext',
      strict: true,
      exactOptionalPropertyTypes: true,
      noUncheckedIndexedAccess: true,
      skipLibCheck: false,
      noEmit: true,
      types: ['node'],
    };
    await writeFile(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['typed.ts'] }));
    const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
    const { stdout } = await run(process.execPath, [tsc, '-p', folder], { cwd: folder }).catch(
      (error: { stdout: string }) => error,
    );
    expect(stdout).toBe('');
  }, 60_000);
});

/** Packs the library, and unpacks it into the folder's `node_modules`, beside what it depends on. */
async function packInto(folder: string): Promise<readonly string[]> {
  await run('npm', ['pack', '--pack-destination', folder], { cwd: LIBRARY, env: cleanEnvironment() });
  const { stdout } = await run('sh', ['-c', 'tar -tzf tailrace-*.tgz'], { cwd: folder });
  const modules = join(folder, 'node_modules');
  await mkdir(join(modules, 'tailrace'), { recursive: true });
  await run('sh', ['-c', 'tar -xzf tailrace-*.tgz --strip-components 1 -C node_modules/tailrace'], { cwd: folder });
  for (const name of ['@types', '@nestjs', 'rxjs', 'reflect-metadata', 'undici-types']) {
    await symlink(join(ROOT, 'node_modules', name), join(modules, name));
  }
  return stdout
    .trim()
    .split('\n')
    .map((file) => file.replace(/^package\//, ''));
}

function exportTargets(value: unknown): readonly string[] {
  if (typeof value === 'string') return [value];
  if (typeof value !== 'object' || value === null) return [];
  const entries = 'exports' in value ? [value.exports] : Object.values(value);
  return entries.flatMap((entry) => exportTargets(entry));
}
