/** What the server's ledger says of the producers that started since a moment: the shops of this run of the demo. */

const COUNTS = ['emitted', 'kept', 'stored', 'inFlight', 'dead', 'dropped', 'missing'] as const;

export type LedgerCounts = Readonly<Record<(typeof COUNTS)[number], number>>;

/** `undefined` while the server can't be reached. */
export async function readLedger(serverUrl: string, sinceMs: number): Promise<LedgerCounts | undefined> {
  try {
    const response = await fetch(`${serverUrl}/v1/ledger`, { signal: AbortSignal.timeout(2000) });
    const body: unknown = await response.json();
    return response.ok ? sumProducers(body, sinceMs) : undefined;
  } catch {
    return undefined;
  }
}

function sumProducers(body: unknown, sinceMs: number): LedgerCounts | undefined {
  if (!isRecord(body) || !Array.isArray(body.producers)) return undefined;
  const sums = { emitted: 0, kept: 0, stored: 0, inFlight: 0, dead: 0, dropped: 0, missing: 0 };
  for (const producer of body.producers) {
    if (!isRecord(producer) || typeof producer.started !== 'string' || Date.parse(producer.started) < sinceMs) continue;
    for (const count of COUNTS) {
      const value = producer[count];
      if (typeof value === 'number') sums[count] += value;
    }
  }
  return sums;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
