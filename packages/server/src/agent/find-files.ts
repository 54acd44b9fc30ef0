/** Which files there are: those that the inputs' globs name, and what rotation made of them. */
import { type BigIntStats, readdirSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { glob } from 'tinyglobby';
import { identityOf, isMissing, stampOf } from './followed-file.ts';
import type { AgentInput } from './input.ts';

export interface FoundFile {
  readonly path: string;
  readonly identity: string;
  readonly stamp: string;
  readonly size: number;
  readonly mtimeMs: number;
  readonly isGzip: boolean;
  /** The input whose globs name it; `undefined` for one that only rotation left beside such a file. */
  readonly input: AgentInput | undefined;
}

/** What rotation adds to a name: a number, a date. */
const NUMBER_OR_DATE = /^[.\-_]\d[\dT:._-]*$/;

/**
 * The names from which rotation may have made this one, shortest first: `app.log` for `app.log.1`, `app.log-20261121.gz`,
 * `app-2026-11-21.log` and `app.log.old`.
 */
export function namesBeforeRotation(name: string): string[] {
  const plain = name.endsWith('.gz') ? name.slice(0, -3) : name;
  const bases = plain === name ? [] : [plain];
  if (/\.(?:old|bak)$/.test(plain)) bases.push(plain.slice(0, -4));
  const extension = /\.[A-Za-z]{1,10}$/.exec(plain)?.[0] ?? '';
  for (const ending of new Set(['', extension])) {
    const stem = plain.slice(0, plain.length - ending.length);
    for (let at = 1; at < stem.length; at += 1) {
      if (NUMBER_OR_DATE.test(stem.slice(at))) bases.push(stem.slice(0, at) + ending);
    }
  }
  return bases.sort((a, b) => a.length - b.length);
}

/** The files that the globs name; each under the first input that names it. */
export async function findNamed(inputs: readonly AgentInput[], onFault: (path: string, error: unknown) => void) {
  const found = new Map<string, FoundFile>();
  const identities = new Set<string>();
  for (const input of inputs) {
    const paths = await globFiles(input, onFault);
    for (const path of paths.sort()) {
      if (found.has(path)) continue;
      const file = look(path, input, onFault);
      // Two names for one file, or a link to it: it is read once.
      if (file === undefined || identities.has(file.identity)) continue;
      identities.add(file.identity);
      found.set(path, file);
    }
  }
  return found;
}

async function globFiles(input: AgentInput, onFault: (path: string, error: unknown) => void): Promise<string[]> {
  try {
    return await glob([...input.include], {
      ignore: [...input.exclude],
      absolute: true,
      onlyFiles: true,
      dot: true,
      expandDirectories: false,
    });
  } catch (error) {
    onFault(input.include.join(', '), error);
    return [];
  }
}

/** What rotation left beside the paths that are followed, each with the path that it belongs to. */
export function findRotated(
  followed: Iterable<string>,
  named: ReadonlyMap<string, FoundFile>,
  onFault: (path: string, error: unknown) => void,
): { readonly base: string; readonly file: FoundFile }[] {
  const byFolder = new Map<string, Set<string>>();
  for (const path of followed) {
    const bases = byFolder.get(dirname(path)) ?? new Set();
    bases.add(basename(path));
    byFolder.set(dirname(path), bases);
  }
  const rotated: { base: string; file: FoundFile }[] = [];
  for (const [folder, bases] of byFolder) {
    for (const name of namesIn(folder, onFault)) {
      const base = namesBeforeRotation(name).find((candidate) => bases.has(candidate));
      if (base === undefined) continue;
      const path = join(folder, name);
      const file = named.get(path) ?? look(path, undefined, onFault);
      if (file !== undefined) rotated.push({ base: join(folder, base), file });
    }
  }
  return rotated;
}

function namesIn(folder: string, onFault: (path: string, error: unknown) => void): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (!isMissing(error)) onFault(folder, error);
    return [];
  }
}

function look(
  path: string,
  input: AgentInput | undefined,
  onFault: (path: string, error: unknown) => void,
): FoundFile | undefined {
  let stats: BigIntStats | undefined;
  try {
    stats = statSync(path, { bigint: true, throwIfNoEntry: false });
  } catch (error) {
    if (!isMissing(error)) onFault(path, error);
  }
  if (stats === undefined || !stats.isFile()) return undefined;
  return {
    path,
    identity: identityOf(stats),
    stamp: stampOf(stats),
    size: Number(stats.size),
    mtimeMs: Number(stats.mtimeMs),
    isGzip: path.endsWith('.gz'),
    input,
  };
}
