/** The server's API, typed. Every call can be cancelled, and fails with an {@link ApiError}. */
import { ApiError, isRecord, readApiError } from './api-error.ts';
import { createSseReader } from './sse.ts';
import type {
  Answer,
  DeadChoice,
  DeadFilter,
  DeadLetter,
  DeadPage,
  DryRun,
  EventRecord,
  EventsPage,
  EventWithNeighbours,
  Facets,
  FieldInfo,
  Health,
  Histogram,
  Ledger,
  Plan,
  ReplayOutcome,
} from './types.ts';

export interface SearchParams {
  readonly q: string;
  /** RFC 3339. */
  readonly from: string;
  readonly to: string;
}

export interface TailHandlers {
  readonly onOpen: () => void;
  readonly onEvent: (event: EventRecord) => void;
  /** How many events the server left out since the start, because this reader was too slow. */
  readonly onDropped: (total: number) => void;
}

export interface Client {
  events(params: SearchParams & { limit: number; cursor?: string }, signal: AbortSignal): Promise<EventsPage>;
  event(id: string, signal: AbortSignal): Promise<EventWithNeighbours>;
  histogram(params: SearchParams & { bucket?: string }, signal: AbortSignal): Promise<Histogram>;
  facets(params: SearchParams & { fields: readonly string[]; limit: number }, signal: AbortSignal): Promise<Facets>;
  fields(signal: AbortSignal): Promise<readonly FieldInfo[]>;
  query(plan: Plan, signal: AbortSignal): Promise<Answer>;
  ledger(signal: AbortSignal): Promise<Ledger>;
  deadLetters(params: DeadFilter & { limit: number; cursor?: string }, signal: AbortSignal): Promise<DeadPage>;
  deadLetter(id: string, signal: AbortSignal): Promise<DeadLetter>;
  editDead(id: string, event: EventRecord, adminKey: string | undefined): Promise<DeadLetter>;
  dryRunDead(choice: DeadChoice, adminKey: string | undefined): Promise<DryRun>;
  replayDead(choice: DeadChoice, adminKey: string | undefined): Promise<ReplayOutcome>;
  /** @param confirm - how many letters will go */
  purgeDead(choice: DeadChoice, confirm: number, adminKey: string | undefined): Promise<{ readonly purged: number }>;
  health(signal: AbortSignal): Promise<Health>;
  /** Follows new events until the signal is aborted (then it resolves) or the connection ends (then it rejects). */
  tail(q: string, handlers: TailHandlers, signal: AbortSignal): Promise<void>;
}

export interface ClientOptions {
  /** Where the API is: the page's own address. */
  readonly base: string;
  readonly readKey: () => string | undefined;
}

export function createClient({ base, readKey }: ClientOptions): Client {
  async function request(path: string, init: RequestInit, key: string | undefined): Promise<Response> {
    const headers = new Headers(init.headers);
    if (key !== undefined) headers.set('authorization', `Bearer ${key}`);
    let response: Response;
    try {
      response = await fetch(new URL(path, base), { ...init, headers, cache: 'no-store', credentials: 'same-origin' });
    } catch (error) {
      if (init.signal?.aborted) throw error;
      throw new ApiError(0, 'UNREACHABLE', error instanceof Error ? error.message : String(error));
    }
    if (!response.ok) throw await readApiError(response);
    return response;
  }

  async function getJson<T>(path: string, signal: AbortSignal): Promise<T> {
    // The server's answers are the one thing that is taken at its word: both are built and shipped together.
    return (await (await request(path, { signal }, readKey())).json()) as T;
  }

  /** A change: with the admin key, which the read key can't stand in for. */
  async function change<T>(method: string, path: string, body: unknown, adminKey: string | undefined): Promise<T> {
    const headers = { 'content-type': 'application/json' };
    return (await (await request(path, { method, headers, body: JSON.stringify(body) }, adminKey)).json()) as T;
  }

  return {
    events: (params, signal) => getJson(withParams('v1/events', { ...params }), signal),
    event: (id, signal) => getJson(`v1/events/${encodeURIComponent(id)}`, signal),
    histogram: (params, signal) => getJson(withParams('v1/histogram', { ...params }), signal),
    facets: ({ fields, ...params }, signal) =>
      getJson(withParams('v1/facets', { ...params, fields: fields.join(',') }), signal),
    async fields(signal) {
      const { fields } = await getJson<{ fields: readonly FieldInfo[] }>('v1/fields', signal);
      return fields;
    },
    async query(plan, signal) {
      const headers = { 'content-type': 'application/json' };
      const response = await request(
        'v1/query',
        { method: 'POST', headers, body: JSON.stringify(plan), signal },
        readKey(),
      );
      return (await response.json()) as Answer;
    },
    ledger: (signal) => getJson('v1/ledger', signal),
    deadLetters: (params, signal) => getJson(withParams('v1/dead', { ...params }), signal),
    async deadLetter(id, signal) {
      const { letter } = await getJson<{ letter: DeadLetter }>(`v1/dead/${encodeURIComponent(id)}`, signal);
      return letter;
    },
    async editDead(id, event, adminKey) {
      const path = `v1/dead/${encodeURIComponent(id)}`;
      return (await change<{ letter: DeadLetter }>('PUT', path, { event }, adminKey)).letter;
    },
    dryRunDead: (choice, adminKey) => change('POST', 'v1/dead/replay', { ...choice, dryRun: true }, adminKey),
    replayDead: (choice, adminKey) => change('POST', 'v1/dead/replay', choice, adminKey),
    purgeDead: (choice, confirm, adminKey) => change('POST', 'v1/dead/purge', { ...choice, confirm }, adminKey),
    health: (signal) => getJson('healthz', signal),
    async tail(q, handlers, signal) {
      const headers = { accept: 'text/event-stream' };
      const response = await request(withParams('v1/tail', { q }), { signal, headers }, readKey());
      if (response.body === null) throw new ApiError(0, 'NO_STREAM', 'the answer has no body');
      handlers.onOpen();
      const push = createSseReader(({ event, data }) => readTailMessage(event, data, handlers));
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      for (;;) {
        const { done, value } = await reader.read();
        if (done) throw new ApiError(0, 'TAIL_ENDED', 'the server ended the live tail');
        push(value);
      }
    },
  };
}

function readTailMessage(event: string, data: string, handlers: TailHandlers): void {
  let value: unknown;
  try {
    value = JSON.parse(data);
  } catch {
    return;
  }
  if (!isRecord(value)) return;
  if (event === 'dropped') handlers.onDropped(typeof value.dropped === 'number' ? value.dropped : 0);
  else if (typeof value.event_id === 'string') handlers.onEvent(value);
}

function withParams(path: string, params: { readonly [name: string]: string | number | undefined }): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(params)) {
    if (value !== undefined && value !== '') search.set(name, String(value));
  }
  const text = search.toString();
  return text === '' ? path : `${path}?${text}`;
}
