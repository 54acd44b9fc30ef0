/** The name of a data folder among those of all processes that share a store: made at the first start, and kept in it. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createProducerId } from 'tailrace/event';

const NAME = /^[0-9a-z]{8,32}$/;

export async function nameFolder(dataDir: string): Promise<string> {
  const path = join(dataDir, 'name');
  const known = (await readFile(path, 'utf8').catch(() => '')).trim();
  if (NAME.test(known)) return known;
  const name = createProducerId(Date.now(), Math.random);
  await writeFile(path, `${name}\n`, { mode: 0o600 });
  return name;
}
