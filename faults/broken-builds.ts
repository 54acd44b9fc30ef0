/**
 * Are the judges awake? Each of these builds is broken on purpose, in a copy of the project, by one small change of the kind
 * that a tired engineer makes; and each must be caught by the judge that is there for it. First the judges must pass on
 * the copy as it is.
 *
 *   node --import tsx faults/broken-builds.ts [--only NAME] [--keep]
 */
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

interface BrokenBuild {
  readonly name: string;
  readonly file: string;
  /** Must be there exactly once. */
  readonly text: string;
  readonly broken: string;
  /** Arguments of `vitest run`. */
  readonly judge: readonly string[];
}

const LIBRARY = 'packages/tailrace/src';
const SERVER = 'packages/server/src';
const KILLS = ['tests/kill.test.ts', '-t', 'kill -9'];

const BROKEN_BUILDS: readonly BrokenBuild[] = [
  {
    name: 'the cursor moves before the delivery',
    file: `${LIBRARY}/delivery/lane.ts`,
    text: 'this.#startJob(reader, batch, ticket);',
    broken:
      'if (this.#finished.finish(ticket)) await this.#commit(reader);\n      this.#startJob(reader, batch, ticket);',
    judge: KILLS,
  },
  {
    name: 'what is stored is stored again',
    file: `${SERVER}/writer/ledger-book.ts`,
    text: 'return this.#accounts.get(producer)?.stored.has(sequence) ?? false;',
    broken: 'return false;',
    judge: [`${SERVER}/writer`],
  },
  {
    name: 'redaction leaves values alone',
    file: `${LIBRARY}/serialise/serialiser.ts`,
    text: 'text = redactor.redactString(value);',
    broken: 'text = value;',
    judge: ['tests/payments.test.ts', `${LIBRARY}/serialise`],
  },
  {
    name: 'a segment is unlinked while a cursor is in it',
    file: `${LIBRARY}/spool/cursor.ts`,
    text: 'if (segment >= lowest.segment) break;',
    broken: 'if (segment > lowest.segment) break;',
    judge: [`${LIBRARY}/spool`],
  },
  {
    name: 'a drop is not counted',
    file: `${LIBRARY}/ledger/ledger.ts`,
    text: 'entryOf(this.#dropped, reason, newLosses).add(count, sequences);',
    broken: '',
    judge: [`${LIBRARY}/ledger`, `${LIBRARY}/spool`, 'tests/amended-ledger.test.ts'],
  },
  {
    name: 'the reserve is given to anybody',
    file: `${LIBRARY}/spool/spool-settings.ts`,
    text: "const reserveBytes = atLeastZero('reserveBytes', options.reserveBytes ?? maxBytes / 10);",
    broken: 'const reserveBytes = 0;',
    judge: [`${LIBRARY}/spool`],
  },
  {
    name: 'fsync is skipped under always',
    file: `${LIBRARY}/spool/device-sync.ts`,
    text: '    fdatasyncSync(fd);\n    this.#dirty.delete(fd);',
    broken: '    this.#dirty.delete(fd);',
    judge: [`${LIBRARY}/spool`],
  },
];

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const WORKSPACES = ['packages/tailrace', 'packages/server', 'packages/web', 'examples/payments', 'bench'];

const { values } = parseArgs({ options: { only: { type: 'string' }, keep: { type: 'boolean', default: false } } });
const builds = BROKEN_BUILDS.filter(({ name }) => values.only === undefined || name.includes(values.only));
if (builds.length === 0) throw new Error(`no broken build is called ${values.only}`);

const copy = mkdtempSync(join(tmpdir(), 'tailrace-broken-'));
try {
  copyProject(copy);
  const uncaught: string[] = [];
  for (const build of builds) {
    const path = join(copy, build.file);
    const sound = readFileSync(path, 'utf8');
    if (sound.split(build.text).length !== 2) throw new Error(`${build.file} doesn't hold this once: ${build.text}`);
    const before = await judge(build.judge);
    if (before !== 'passed')
      throw new Error(`the judge of "${build.name}" fails without the fault: run vitest ${build.judge.join(' ')}`);
    writeFileSync(path, sound.replace(build.text, build.broken));
    const after = await judge(build.judge);
    writeFileSync(path, sound);
    if (after === 'passed') uncaught.push(build.name);
    console.log(`${after === 'passed' ? 'NOT CAUGHT' : 'caught    '}  ${build.name}  (${build.judge.join(' ')})`);
  }
  console.log(`${builds.length - uncaught.length} of ${builds.length} broken builds caught`);
  if (uncaught.length > 0) process.exitCode = 1;
} finally {
  if (values.keep) console.log(copy);
  else rmSync(copy, { recursive: true, force: true });
}

/** What is committed, with the installed packages beside it; the workspaces' own packages are those of the copy. */
function copyProject(to: string): void {
  const archive = execFileSync('git', ['archive', 'HEAD'], { cwd: ROOT, maxBuffer: 1024 ** 3 });
  execFileSync('tar', ['-x', '-C', to], { input: archive });
  const own = new Map(WORKSPACES.map((folder) => [packageName(folder), join(to, folder)]));
  linkPackages(join(ROOT, 'node_modules'), join(to, 'node_modules'), '', own);
  for (const folder of WORKSPACES) {
    const nested = join(ROOT, folder, 'node_modules');
    try {
      linkPackages(nested, join(to, folder, 'node_modules'), '', own);
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
    }
  }
}

function packageName(folder: string): string {
  const { name }: { readonly name: string } = JSON.parse(readFileSync(join(ROOT, folder, 'package.json'), 'utf8'));
  return name;
}

function linkPackages(from: string, to: string, scope: string, own: ReadonlyMap<string, string>): void {
  for (const entry of readdirSync(join(from, scope))) {
    const name = join(scope, entry);
    if (scope === '' && entry.startsWith('@')) linkPackages(from, to, entry, own);
    else {
      mkdirSync(dirname(join(to, name)), { recursive: true });
      symlinkSync(own.get(name) ?? join(from, name), join(to, name));
    }
  }
}

function judge(args: readonly string[]): Promise<'passed' | 'failed'> {
  return new Promise((resolve, reject) => {
    const child = spawn('npx', ['vitest', 'run', ...args], { cwd: copy, stdio: 'ignore' });
    child.on('error', reject);
    child.on('exit', (code) => resolve(code === 0 ? 'passed' : 'failed'));
  });
}
