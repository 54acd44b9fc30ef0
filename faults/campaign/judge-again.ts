/** The judge once more, over the files that a campaign left: after a fault was found, or the judge was mended. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Ledger } from '../../tests/server-client.ts';
import type { Arrangement } from './arrangement.ts';
import { type Judgement, judge } from './judge.ts';
import { readTestimonies } from './oracle.ts';
import { readStoredEvents } from './stored-files.ts';

/** What the judge needs and the files of the parts don't hold. */
export interface Evidence {
  readonly ledger: Ledger;
  readonly torn: readonly string[];
}

const FILE = 'evidence.json';

export async function keepEvidence({ folder, storeFolder }: Arrangement, evidence: Evidence): Promise<void> {
  await writeFile(join(folder, FILE), JSON.stringify({ storeFolder, ...evidence }));
}

/** @param folder - the one that the campaign said its files are in */
export async function judgeAgain(folder: string): Promise<Judgement> {
  const { storeFolder, ledger, torn }: Evidence & { readonly storeFolder: string } = JSON.parse(
    await readFile(join(folder, FILE), 'utf8'),
  );
  const testimonies = await readTestimonies(join(folder, 'oracle'));
  const stored = await readStoredEvents(storeFolder);
  return judge({ testimonies, stored, ledger, torn: new Set(torn) });
}
