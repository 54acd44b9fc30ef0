/** Inputs that once broke a target, or that nearly did: one file each, `corpus/<target>/<what>`. */
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { FuzzTarget } from './target.ts';

const FOLDER = fileURLToPath(new URL('corpus', import.meta.url));

export interface CorpusEntry {
  readonly name: string;
  readonly input: Buffer;
}

export async function readCorpus({ name: target }: FuzzTarget): Promise<CorpusEntry[]> {
  const names = await readdir(join(FOLDER, target)).catch(() => []);
  return Promise.all(names.sort().map(async (name) => ({ name, input: await readFile(join(FOLDER, target, name)) })));
}

/** @returns the new file */
export async function keepInCorpus({ name: target }: FuzzTarget, input: Buffer): Promise<string> {
  const path = join(FOLDER, target, `found-${createHash('sha256').update(input).digest('hex').slice(0, 12)}`);
  await mkdir(join(FOLDER, target), { recursive: true });
  await writeFile(path, input);
  return path;
}
