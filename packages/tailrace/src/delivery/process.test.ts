import { spawn } from 'node:child_process';
import { mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { BEHIND } from './step-behind.ts';
import { findWorkerFile } from './worker-file.ts';

const TSX = new URL('../../../../node_modules/tsx/dist/loader.mjs', import.meta.url).href;
const SOURCE = fileURLToPath(new URL('..', import.meta.url));

let folder: string;

beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'tailrace-process-')));
});

afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

async function run(...args: readonly string[]): Promise<{ code: number | null; out: string; errors: string }> {
  const child = spawn(process.execPath, args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
  let out = '';
  let errors = '';
  child.stdout.on('data', (chunk) => {
    out += chunk;
  });
  child.stderr.on('data', (chunk) => {
    errors += chunk;
  });
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  return { code, out, errors };
}

/** A program that logs two lines to the console, and waits for them or not. */
function program(end: string, mode = 'worker'): string {
  return `
    import { startDelivery } from ${JSON.stringify(join(SOURCE, 'delivery/delivery.ts'))};
    import { consoleSink } from ${JSON.stringify(join(SOURCE, 'sinks/index.ts'))};
    import { openSpool, claimSpool } from ${JSON.stringify(join(SOURCE, 'spool/index.ts'))};
    const spoolRoot = ${JSON.stringify(join(folder, 'spool'))};
    const directory = spoolRoot + '/producer1';
    claimSpool(directory);
    const spool = openSpool({ directory });
    const delivery = startDelivery({
      spoolRoot, directory, mode: '${mode}', routes: [{ name: 'console', sinks: [consoleSink()] }],
      onReport: (report) => process.stderr.write(JSON.stringify(report) + '\\n'),
    });
    spool.append('{"a":1}', 1, false);
    spool.append('{"a":2}', 2, false);
    spool.flush();
    delivery.wake();
    ${end}`;
}

const LINES = '{"a":1}\n{"a":2}\n';

test.each(['cjs', 'esm'] as const)(
  'bundled as %s, with no worker file to be found, it delivers inline and says so once',
  async (format) => {
    const entry = join(folder, 'program.ts');
    await writeFile(entry, program('void delivery.close(10_000).then(() => spool.close());'));
    const outfile = join(folder, format === 'cjs' ? 'bundle.cjs' : 'bundle.mjs');
    await build({ entryPoints: [entry], bundle: true, platform: 'node', format, outfile, logLevel: 'silent' });
    const { code, out, errors } = await run(outfile);
    expect(out).toBe(LINES);
    expect(errors.match(/delivery_inline/g)).toHaveLength(1);
    expect(code).toBe(0);
  },
);

test.each(['worker', 'inline'])(
  'a flush that is awaited at the top level is waited for, and then the process ends (%s)',
  async (mode) => {
    const file = join(folder, 'program.mts');
    await writeFile(file, program("process.stderr.write('flushed ' + (await delivery.flush(10_000)) + ' ');", mode));
    const { code, out, errors } = await run('--import', TSX, '--conditions=@tailrace/source', file);
    expect(errors).toBe('flushed true ');
    expect(out).toBe(LINES);
    expect(code).toBe(0);
  },
);

test.runIf(process.platform === 'linux').each([
  ['worker', [0, BEHIND]],
  ['inline', [0]],
] as const)('delivery steps behind the application, and nothing else does (%s)', async (mode, niceValues) => {
  const file = join(folder, 'program.mts');
  await writeFile(
    file,
    program(
      `await delivery.flush(10_000);
      const { readdirSync, readFileSync } = await import('node:fs');
      const niceOf = (thread) => {
        const stat = readFileSync('/proc/self/task/' + thread + '/stat', 'utf8');
        // After the name, which may have blanks: the 3rd field of proc_pid_stat(5) and on; the nice value is the 19th.
        return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19 - 3]);
      };
      const threads = readdirSync('/proc/self/task');
      process.stderr.write(JSON.stringify([niceOf(process.pid), ...new Set(threads.map(niceOf))]));`,
      mode,
    ),
  );
  const { errors } = await run('--import', TSX, '--conditions=@tailrace/source', file);
  const [main, ...all] = JSON.parse(errors);
  expect(all.map((nice: number) => nice - main).sort()).toEqual(niceValues);
});

test("a file of the application that is called worker.js is not taken for the delivery's", async () => {
  await writeFile(join(folder, 'worker.js'), 'process.exit(1);');
  const found = findWorkerFile(pathToFileURL(join(folder, 'bundle.js')).href);
  expect(found?.path).not.toBe(join(folder, 'worker.js'));
});
