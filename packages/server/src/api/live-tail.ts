/**
 * The hub of the live tails: the ingest offers each event once it is on disk, and every client whose search it matches
 * gets it.
 *
 * A client that reads too slowly has a bounded backlog. When that is full, events are dropped for that client alone, and
 * the client is told how many. The ingest never waits.
 */

export type EventMatcher = (event: Readonly<Record<string, unknown>>) => boolean;

/** Where a client's messages go; `false` from `send` means: no more until `resume`. */
export interface TailOutput {
  event(line: string): boolean;
  dropped(count: number): boolean;
}

export interface TailSubscription {
  /** The client reads again. */
  resume(): void;
  close(): void;
}

export interface LiveTail {
  /** Shows an event to all clients. @param line - the same event as it travels. */
  offer(event: Readonly<Record<string, unknown>>, line: string): void;
  /** False where an offer would reach nobody. */
  readonly isWatched: boolean;
  /** `undefined` where there are too many clients. */
  subscribe(matches: EventMatcher, output: TailOutput): TailSubscription | undefined;
  /** Clients now, and events that were dropped for slow ones since the start. */
  stats(): { readonly clients: number; readonly dropped: number };
}

export interface LiveTailOptions {
  readonly maxClients: number;
  /** Lines that may wait for one client. */
  readonly backlogLines: number;
}

interface Client {
  readonly matches: EventMatcher;
  readonly output: TailOutput;
  readonly backlog: string[];
  isPaused: boolean;
  dropped: number;
}

export function createLiveTail(options: LiveTailOptions): LiveTail {
  const clients = new Set<Client>();
  let dropped = 0;

  function resume(client: Client): void {
    client.isPaused = false;
    let sent = 0;
    while (!client.isPaused && sent < client.backlog.length) {
      const line = client.backlog[sent];
      sent += 1;
      if (line !== undefined) client.isPaused = !client.output.event(line);
    }
    client.backlog.splice(0, sent);
    if (!client.isPaused && client.dropped > 0) {
      const count = client.dropped;
      client.dropped = 0;
      client.isPaused = !client.output.dropped(count);
    }
  }

  return {
    get isWatched() {
      return clients.size > 0;
    },
    offer(event, line) {
      for (const client of clients) {
        if (!client.matches(event)) continue;
        if (!client.isPaused) client.isPaused = !client.output.event(line);
        else if (client.backlog.length < options.backlogLines && client.dropped === 0) client.backlog.push(line);
        else {
          client.dropped += 1;
          dropped += 1;
        }
      }
    },
    subscribe(matches, output) {
      if (clients.size >= options.maxClients) return undefined;
      const client: Client = { matches, output, backlog: [], isPaused: false, dropped: 0 };
      clients.add(client);
      return { resume: () => resume(client), close: () => clients.delete(client) };
    },
    stats: () => ({ clients: clients.size, dropped }),
  };
}
