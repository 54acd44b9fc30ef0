/**
 * The examples of the documentation, each run as a program of its own: a reader who copies one gets what the page says.
 *
 * A block that begins with three back ticks and `ts` or `js` must end with exit code 0. Where it holds lines
 * `// prints: …`, these are what it prints, all of it and in order. `ts no-run` is for what can't be run alone; it is
 * still type-checked.
 */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cleanEnvironment, ROOT, SOURCE_ARGS } from './processes.ts';

const run = promisify(execFile);

interface Example {
  /** Page and line, and the name of the example's folder. */
  readonly place: string;
  readonly folder: string;
  readonly language: 'ts' | 'js';
  readonly isRun: boolean;
  readonly source: string;
  /** What it says that it prints; empty where it says nothing. */
  readonly prints: readonly string[];
}

const PAGES = [
  'README.md',
  ...(await readdir(join(ROOT, 'docs'))).filter((name) => name.endsWith('.md')).map((name) => `docs/${name}`),
];
const examples = (await Promise.all(PAGES.map(readExamples))).flat();
const MANIFEST = JSON.stringify({ name: 'example', version: '1.0.0', type: 'module', private: true });

const TYPE_CHECK = {
  extends: join(ROOT, 'tsconfig.base.json'),
  compilerOptions: {
    noEmit: true,
    allowImportingTsExtensions: true,
    rewriteRelativeImportExtensions: false,
    declaration: false,
  },
  include: ['*/example.ts'],
};
/** For tsx, which compiles the library's sources along with the example. */
const RUN = { extends: TYPE_CHECK.extends, include: [...TYPE_CHECK.include, join(ROOT, 'packages/*/src/**/*.ts')] };

describe('the examples in the documentation', () => {
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tailrace-docs-'));
    await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
    await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(TYPE_CHECK));
    await writeFile(join(folder, 'tsconfig.run.json'), JSON.stringify(RUN));
    for (const example of examples) {
      await mkdir(join(folder, example.folder));
      await writeFile(join(folder, example.folder, 'package.json'), MANIFEST);
      await writeFile(join(folder, example.folder, `example.${example.language}`), example.source);
    }
  });

  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('have the right types', async () => {
    const complaints = await run(join(ROOT, 'node_modules/.bin/tsc'), ['-p', folder], { cwd: folder }).then(
      () => '',
      (error: { readonly stdout: string }) => error.stdout,
    );
    expect(complaints).toBe('');
  });

  // One by one, since they compute: beside others, a flush of theirs might end before all is delivered.
  it.each(examples.filter(({ isRun }) => isRun))(
    '$place runs, and prints what it says',
    async (example) => {
      const child = run(process.execPath, [...SOURCE_ARGS, `example.${example.language}`], {
        cwd: join(folder, example.folder),
        env: { ...cleanEnvironment(), TSX_TSCONFIG_PATH: join(folder, 'tsconfig.run.json') },
        timeout: 60_000,
      });
      const { stdout } = await child;
      if (example.prints.length > 0) expect(stdout.trimEnd().split('\n')).toEqual(example.prints);
    },
    90_000,
  );
});

async function readExamples(page: string): Promise<Example[]> {
  const found: Example[] = [];
  const lines = (await readFile(join(ROOT, page), 'utf8')).split('\n');
  for (let i = 0; i < lines.length; i += 1) {
    const fence = /^```(ts|js)( no-run)?$/.exec(lines[i] ?? '');
    if (fence === null) continue;
    const first = i + 1;
    const length = lines.slice(first).indexOf('```');
    if (length === -1) throw new Error(`${page}:${first}: the block has no end`);
    const block = lines.slice(first, first + length);
    found.push({
      place: `${page}:${first}`,
      folder: `${page.replaceAll(/\W/g, '-')}-${first}`,
      language: fence[1] === 'js' ? 'js' : 'ts',
      isRun: fence[2] === undefined,
      source: `${block.join('\n')}\nexport {};\n`,
      prints: block.flatMap((line) => /^\s*\/\/ prints: (.*)$/.exec(line)?.[1] ?? []),
    });
    i = first + length;
  }
  return found;
}
