/** What a run has met so far: a run that met no trouble proves nothing. */
import { readdir } from 'node:fs/promises';
import type { Arrangement } from './arrangement.ts';
import type { Happenings } from './happenings.ts';
import { readTestimonies, type Testimony } from './oracle.ts';

export interface Sights {
  readonly testimonies: readonly Testimony[];
  /** Files of dead letters. */
  readonly deadLetters: number;
  /** Events that were sent again. */
  readonly duplicates: number;
}

export async function look({ client, link, oracleFolder, dataFolder }: Arrangement): Promise<Sights> {
  const ofLedger = await client.ledger().then(
    ({ totals }) => totals.duplicates,
    // It may be down just now.
    () => 0,
  );
  return {
    testimonies: await readTestimonies(oracleFolder),
    deadLetters: await countDeadLetters(dataFolder),
    duplicates: Math.max(link.counts.duplicates, ofLedger),
  };
}

/** What the run doesn't show. */
export function unseen(arrangement: Arrangement, happenings: Happenings, sights: Sights): string[] {
  const { disk, broker, writer, ingest, link } = arrangement;
  const { testimonies, deadLetters, duplicates } = sights;
  const { spoiled, retries } = link.counts;
  const hasNotice = (code: string): boolean => testimonies.some(({ notices }) => notices.has(code));
  const happened = (kind: string): boolean => happenings.count(kind) > 0;
  const sightings: readonly (readonly [what: string, isSeen: boolean])[] = [
    ['promised events', testimonies.some(({ promised }) => promised.size > 0)],
    ['kills of a producer', happened('kill producer')],
    [`kills of the ${ingest.name}`, happened(`kill ${ingest.name}`)],
    ['kills of the agent', happened('kill agent')],
    [`a frozen ${ingest.name}`, happened(`freeze ${ingest.name}`)],
    ['a frozen producer', happened('freeze producer')],
    ...(writer === undefined ? [] : [['kills of the writer', happened('kill writer')] as const]),
    ...(broker === undefined ? [] : [[`kills of ${broker.name}`, happened(`kill ${broker.name}`)] as const]),
    ['torn or corrupt spools', happened('torn spool') && deadLetters > 0],
    ['jumps of the clock', happened('clock jump')],
    ['retries', retries > 0],
    ['doubles on the wire', duplicates > 0],
    ['cut connections', spoiled.cut > 0],
    ['lost answers', spoiled['lose-answers'] > 0],
    ['answers with 503', spoiled['answer-503'] > 0],
    ['answers with 429', spoiled['answer-429'] > 0],
    ['garbage for an answer', spoiled['answer-garbage'] > 0],
    ...(disk === undefined
      ? []
      : [
          ['a full disk', hasNotice('spool_unwritable') || hasNotice('spool_memory_full')] as const,
          ['a read-only disk', hasNotice('spool_in_memory')] as const,
        ]),
  ];
  return sightings.filter(([, isSeen]) => !isSeen).map(([what]) => what);
}

/** Files of dead letters below the folder of any part. */
async function countDeadLetters(folder: string): Promise<number> {
  // Folders of dead producers go while they are listed.
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isFile() && /[/\\]dead(?:[/\\]|$)/.test(entry.parentPath)).length;
}
