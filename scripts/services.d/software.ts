/**
 * Software from package managers, which the environment configures. What they build or unpack for us goes to
 * `.services/software/<name>`, under its final name only when it is whole; keep that folder between runs to save the time.
 */
import { type SpawnOptions, spawn } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { delimiter, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inTurn } from './turn.ts';

const APT_WITHIN_MS = 300_000;

/** Everything of the services: software, data, logs. `SERVICES_DIR`, or `.services` in the checkout. */
export const SERVICES_FOLDER = resolve(
  process.env.SERVICES_DIR ?? fileURLToPath(new URL('../../.services', import.meta.url)),
);

/** Where software of that name is, or will be. The name should hold the version: another one is then another folder. */
export function softwareFolder(name: string): string {
  return join(SERVICES_FOLDER, 'software', name);
}

/** Fills {@link softwareFolder} by `build`, which gets an empty folder, unless it is filled. */
export async function installSoftware(name: string, build: (folder: string) => Promise<void>): Promise<void> {
  const folder = softwareFolder(name);
  if (existsSync(folder)) return;
  await mkdir(join(SERVICES_FOLDER, 'software'), { recursive: true });
  const unfinished = await mkdtemp(`${folder}.unfinished-`);
  try {
    await build(unfinished);
    await rename(unfinished, folder);
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
}

/** The program of that name in PATH or in the folders where Debian keeps servers. */
export function findProgram(name: string): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/local/go/bin'];
  return folders.map((folder) => join(folder, name)).find(isExecutable);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** @throws Error that says what is missing and where it usually comes from. */
export function needProgram(name: string, from: string): string {
  const program = findProgram(name);
  if (program === undefined) throw new Error(`needs the program ${name} (${from})`);
  return program;
}

/** Debian packages for programs that aren't there. Their maintainers' scripts are asked not to start anything. */
export async function installDebianPackages(programs: Readonly<Record<string, string>>): Promise<void> {
  const packages = Object.keys(programs).filter((program) => findProgram(program) === undefined);
  if (packages.length === 0) return;
  const names = packages.map((program) => programs[program] ?? program);
  const apt = findProgram('apt-get');
  if (apt === undefined) throw new Error(`install ${names.join(', ')}: there is no apt-get here to do it`);
  const env = { RUNLEVEL: '1', DEBIAN_FRONTEND: 'noninteractive' };
  // Its lists can be locked by others of ours, its database by whoever else uses it.
  await inTurn('apt-get', APT_WITHIN_MS, async () => {
    await runAsRoot([apt, 'update', '-q'], env);
    const patience = ['-o', `DPkg::Lock::Timeout=${APT_WITHIN_MS / 1000}`];
    await runAsRoot([apt, 'install', ...patience, '-yq', '--no-install-recommends', ...names], env);
  });
}

function runAsRoot(command: readonly [string, ...string[]], env: Readonly<Record<string, string>>): Promise<void> {
  if (process.getuid?.() === 0) return run(command[0], command.slice(1), { env: { ...process.env, ...env } });
  const assignments = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  return run(needProgram('sudo', 'or run this as root'), ['-n', 'env', ...assignments, ...command]);
}

/**
 * Runs a program to its end, in silence.
 *
 * @throws Error with the end of what it printed, when it fails.
 */
export function run(file: string, args: readonly string[], options: SpawnOptions = {}): Promise<void> {
  return new Promise((resolve, reject) => {
    let printed = '';
    const child = spawn(file, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
    const keep = (chunk: Buffer) => {
      printed = (printed + chunk.toString()).slice(-4000);
    };
    child.stdout?.on('data', keep);
    child.stderr?.on('data', keep);
    child.on('error', reject);
    child.on('close', (code, signal) => {
      if (code === 0) resolve();
      else reject(new Error(`${[file, ...args].join(' ')} ended with ${code ?? signal}:\n${printed.trim()}`));
    });
  });
}
