/** The server's API as the tests use it. */

export type EventRecord = Readonly<Record<string, unknown>>;

export interface Ledger {
  readonly producers: readonly ProducerAccount[];
  readonly totals: LedgerTotals;
}

export interface LedgerTotals {
  readonly emitted: number;
  readonly kept: number;
  readonly sampledOut: number;
  readonly sampledOutByRule: Readonly<Record<string, number>>;
  readonly stored: number;
  readonly inFlight: number;
  readonly dead: number;
  readonly dropped: number;
  readonly droppedByReason: Readonly<Record<string, number>>;
  readonly missing: number;
  readonly duplicates: number;
}

export interface ProducerAccount extends LedgerTotals {
  readonly producer: string;
  readonly service: string;
  readonly closed: boolean;
}

export interface Answer {
  readonly rows: readonly EventRecord[];
  readonly meta: {
    readonly accuracy: 'exact' | 'estimated';
    readonly limited: boolean;
    readonly warnings: readonly string[];
  };
}

interface EventsPage {
  readonly events: readonly EventRecord[];
  readonly cursor: string | null;
}

export interface ServerClient {
  isReady(): Promise<boolean>;
  ledger(): Promise<Ledger>;
  query(plan: Readonly<Record<string, unknown>>): Promise<Answer>;
  /** Every event that a search finds, page by page. */
  search(q: string, from: string, to: string): Promise<readonly EventRecord[]>;
  metrics(): Promise<string>;
}

const PAGE_EVENTS = 1000;

export function createServerClient(url: string): ServerClient {
  async function request(path: string, init: RequestInit = {}): Promise<Response> {
    const response = await fetch(url + path, { ...init, signal: AbortSignal.timeout(30_000) });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return response;
  }
  // The tests check what they use; a field that isn't there makes them fail.
  const json = async <T>(path: string, init?: RequestInit) => (await (await request(path, init)).json()) as T;

  return {
    async isReady() {
      try {
        await (await request('/readyz')).arrayBuffer();
        return true;
      } catch {
        return false;
      }
    },
    ledger: () => json<Ledger>('/v1/ledger'),
    query: (plan) =>
      json<Answer>('/v1/query', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(plan),
      }),
    async search(q, from, to) {
      const events: EventRecord[] = [];
      let cursor: string | null = null;
      do {
        const parameters = new URLSearchParams({ q, from, to, limit: String(PAGE_EVENTS) });
        if (cursor !== null) parameters.set('cursor', cursor);
        const page: EventsPage = await json<EventsPage>(`/v1/events?${parameters}`);
        events.push(...page.events);
        cursor = page.cursor;
      } while (cursor !== null);
      return events;
    },
    metrics: async () => (await request('/metrics')).text(),
  };
}
