/**
 * What the server's ledger says of this run of the demo: of the producers that started since, and of those that were there
 * before and have kept more since, such as a log file that goes on.
 */

const COUNTS = ['emitted', 'kept', 'stored', 'inFlight', 'dead', 'dropped', 'missing'] as const;

export type LedgerCounts = Readonly<Record<(typeof COUNTS)[number], number>>;

export interface LedgerReader {
  /** Remembers how things stand: what comes later belongs to this run. */
  begin(): Promise<void>;
  /** `undefined` while the server can't be reached. */
  read(): Promise<LedgerCounts | undefined>;
}

const NOTHING: LedgerCounts = { emitted: 0, kept: 0, stored: 0, inFlight: 0, dead: 0, dropped: 0, missing: 0 };

export function createLedgerReader(serverUrl: string): LedgerReader {
  let before: ReadonlyMap<string, LedgerCounts> = new Map();
  return {
    async begin() {
      before = (await readProducers(serverUrl)) ?? before;
    },
    async read() {
      const now = await readProducers(serverUrl);
      return now === undefined ? undefined : sumSince(before, now);
    },
  };
}

function sumSince(
  before: ReadonlyMap<string, LedgerCounts>,
  producers: ReadonlyMap<string, LedgerCounts>,
): LedgerCounts {
  const sums = { ...NOTHING };
  for (const [producer, counts] of producers) {
    const then = before.get(producer) ?? NOTHING;
    // What an earlier run left behind arrives in this one, and isn't of it.
    if (before.has(producer) && counts.kept === then.kept) continue;
    for (const count of COUNTS) sums[count] += counts[count] - then[count];
  }
  return sums;
}

async function readProducers(serverUrl: string): Promise<Map<string, LedgerCounts> | undefined> {
  try {
    const response = await fetch(`${serverUrl}/v1/ledger`, { signal: AbortSignal.timeout(2000) });
    const body: unknown = await response.json();
    return response.ok ? countsByProducer(body) : undefined;
  } catch {
    return undefined;
  }
}

function countsByProducer(body: unknown): Map<string, LedgerCounts> | undefined {
  if (!isRecord(body) || !Array.isArray(body.producers)) return undefined;
  const counts = new Map<string, LedgerCounts>();
  for (const account of body.producers) {
    if (!isRecord(account) || typeof account.producer !== 'string') continue;
    const own = { ...NOTHING };
    for (const count of COUNTS) {
      const value = account[count];
      if (typeof value === 'number') own[count] = value;
    }
    counts.set(account.producer, own);
  }
  return counts;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
