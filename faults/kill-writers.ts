/**
 * Writers are killed with `kill -9` in traffic, again and again, over a real broker and a real store.
 *
 * A client outside sends numbered events to the ingest, and writes down what it was told was taken: the oracle. A kill
 * comes only when a writer has written something since the last one, so that each hits work under way; every fifth also
 * hits the ingest. In the end every number stands in the store exactly once, and the ledger agrees.
 */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { quantile } from '../bench/statistics.ts';
import { between, randomStream } from '../examples/payments/src/random.ts';
import { arrange, type QueueName, type StoreName } from '../tests/arrangements.ts';
import { waitFor } from '../tests/processes.ts';
import { NumberedClient, openRoleSet, type RoleProcess, type RoleSet, readStored } from '../tests/roles.ts';
import { createServerClient } from '../tests/server-client.ts';

export interface WriterKillOptions {
  readonly queue: QueueName;
  readonly store: StoreName;
  readonly kills: number;
  /** The last kill comes before so much time is over, however many there were. */
  readonly minutes: number;
  readonly seed: number;
  readonly say: (line: string) => void;
}

export interface WriterKillReport {
  readonly arrangement: string;
  readonly writerKills: number;
  readonly ingestKills: number;
  /** Events that the client was told were taken, and posts that it had to repeat. */
  readonly taken: number;
  readonly repeatedPosts: number;
  readonly found: number;
  readonly missing: number;
  readonly twice: number;
  /** Lines that came to a writer again, and were dropped there. */
  readonly duplicates: number;
  readonly ledger: { readonly kept: number; readonly stored: number; readonly missing: number; readonly lost: number };
  /** From a kill until something is stored that wasn't before. */
  readonly recovery: { readonly medianSeconds: number; readonly maxSeconds: number };
  readonly seconds: number;
}

const EVENTS_OF_A_POST = 20;
/** A hundred events a second: what piles up behind a dead writer must not be what the end waits for. */
const PAUSE_MS = 200;
const EVERY_NTH_ALSO_INGEST = 5;
const PROGRESS_TIMEOUT_MS = 120_000;

/** @throws Error where the arrangement can't be had here. */
export async function killWriters(options: WriterKillOptions): Promise<WriterKillReport> {
  const { queue, store, kills, minutes, seed, say } = options;
  const { title, settings } = await arrange(queue, store);
  if (settings === undefined) throw new Error(`${title} can't be had here: scripts/services install ${queue} ${store}`);
  const begun = performance.now();
  const set = await openRoleSet({
    MQ_BATCH_TIMEOUT_MS: '100',
    TAILRACE_LEDGER_GRACE_SECONDS: '2',
    TAILRACE_COMMIT_SECONDS: '0.5',
    ...settings,
  });
  try {
    const { ingest, writers, query } = await startProcesses(set, store);
    const client = new NumberedClient(ingest.url, `p${randomBytes(6).toString('hex')}`);
    const random = randomStream(seed, 'traffic', 0);
    const traffic = send(client);
    let writerKills = 0;
    let ingestKills = 0;
    let seen = 0;
    let killedAt: number | undefined;
    const recoveries: number[] = [];
    try {
      for (let kill = 1; kill <= kills && performance.now() - begun < minutes * 60_000; kill += 1) {
        seen = await waitForWriting(query.url, client, seen);
        if (killedAt !== undefined) recoveries.push((performance.now() - killedAt) / 1000);
        await sleep(between(random, 0, 400));
        const victims = writers.filter((_, i) => i === (kill - 1) % writers.length);
        if (kill % EVERY_NTH_ALSO_INGEST === 0) {
          victims.push(ingest);
          ingestKills += 1;
        }
        killedAt = performance.now();
        await Promise.all(victims.map((victim) => victim.kill()));
        writerKills += 1;
        await Promise.all(victims.map((victim) => victim.start()));
        say(
          `kill ${kill} (${victims.map(({ name }) => name).join(', ')}): ${client.taken} taken, ${seen} stored before it`,
        );
      }
    } finally {
      await traffic.stop();
    }
    await client.sendLedger();
    const { ledger, found, missing, twice } = await readStored(query.url, client);
    return {
      arrangement: title,
      writerKills,
      ingestKills,
      taken: client.taken,
      repeatedPosts: client.refusals,
      found,
      missing: missing.length,
      twice: twice.length,
      duplicates: ledger.duplicates,
      ledger: { kept: ledger.kept, stored: ledger.stored, missing: ledger.missing, lost: ledger.dead + ledger.dropped },
      recovery: { medianSeconds: inTenths(quantile(recoveries, 0.5)), maxSeconds: inTenths(Math.max(...recoveries)) },
      seconds: Math.round((performance.now() - begun) / 1000),
    };
  } finally {
    await set.close();
  }
}

const inTenths = (seconds: number): number => Math.round(seconds * 10) / 10;

/** The embedded store belongs to one process: the writer answers the questions, too. */
async function startProcesses(set: RoleSet, store: StoreName) {
  if (store === 'embedded') {
    const [ingest, writer] = await Promise.all([set.start('ingest', 'ingest'), set.start('writer', 'write,query')]);
    return { ingest, writers: [writer], query: writer };
  }
  const [ingest, first, second, query] = await Promise.all([
    set.start('ingest', 'ingest'),
    set.start('writer-1', 'write'),
    set.start('writer-2', 'write'),
    set.start('query', 'query'),
  ]);
  const writers: RoleProcess[] = [first, second];
  return { ingest, writers, query };
}

function send(client: NumberedClient): { stop(): Promise<void> } {
  const stop = new AbortController();
  const sending = (async () => {
    while (!stop.signal.aborted) {
      await client.send(EVENTS_OF_A_POST);
      await sleep(PAUSE_MS);
    }
  })();
  return {
    async stop() {
      stop.abort();
      await sending;
    },
  };
}

/** Resolves when more is stored than was seen before; with how much. */
function waitForWriting(url: string, client: NumberedClient, seen: number): Promise<number> {
  const server = createServerClient(url);
  return waitFor(
    'a writer to write',
    async () => {
      const { producers } = await server.ledger().catch(() => ({ producers: [] }));
      const stored = producers.find(({ producer }) => producer === client.producer)?.stored ?? 0;
      return stored > seen ? stored : undefined;
    },
    PROGRESS_TIMEOUT_MS,
  );
}
