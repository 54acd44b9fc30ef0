/** One process for each role over a broker and a shared store, and a client that keeps what it was told was taken. */
import type { ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { endProcess, freePort, readLog, runSource, SERVER_ENTRY, waitFor } from './processes.ts';
import { createServerClient, type LedgerTotals } from './server-client.ts';

export interface RoleProcess {
  readonly name: string;
  readonly url: string;
  kill(): Promise<void>;
  /** Starts it again on the same port and folder. */
  start(): Promise<void>;
  log(): string;
}

export interface RoleSet {
  start(name: string, roles: string): Promise<RoleProcess>;
  close(): Promise<void>;
}

/** @param env - the settings that all of them share */
export async function openRoleSet(env: Readonly<Record<string, string>>): Promise<RoleSet> {
  const folder = await mkdtemp(join(tmpdir(), 'tailrace-roles-'));
  const children = new Map<string, ChildProcess>();
  return {
    async start(name, roles) {
      const port = await freePort();
      const url = `http://127.0.0.1:${port}`;
      const logFile = join(folder, `${name}.log`);
      const start = async (): Promise<void> => {
        const args = ['server', '--port', String(port), '--data-dir', join(folder, name)];
        const child = runSource(SERVER_ENTRY, args, { logFile, env: { ...env, TAILRACE_ROLE: roles } });
        children.set(name, child);
        const isUp = () =>
          fetch(`${url}/healthz`).then(
            ({ ok }) => (ok ? true : undefined),
            () => undefined,
          );
        await waitFor(`${name} to listen`, isUp, 120_000, () => readLog(logFile));
      };
      await start();
      return {
        name,
        url,
        start,
        kill: async () => {
          const child = children.get(name);
          if (child !== undefined) await endProcess(child, 'SIGKILL');
        },
        log: () => readLog(logFile),
      };
    },
    async close() {
      await Promise.all([...children.values()].map((child) => endProcess(child, 'SIGKILL')));
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** What stands in the store of what a client was told was taken. */
export interface StoredAccount {
  /** The client's own account, as the server has it. */
  readonly ledger: LedgerTotals;
  /** Events that the search finds. */
  readonly found: number;
  /** Numbers that aren't there, and such as are there more than once. */
  readonly missing: readonly number[];
  readonly twice: readonly number[];
}

/**
 * Waits until the store has as many events of the client as it was told were taken, and looks at each.
 *
 * @throws Error where that takes longer than four minutes.
 */
export async function readStored(url: string, client: NumberedClient): Promise<StoredAccount> {
  const server = createServerClient(url);
  let last: LedgerTotals | undefined;
  const ledger = await waitFor(
    'the ledger to be complete',
    async () => {
      // The store may be busy with what it has to catch up on.
      const { producers } = await server.ledger().catch(() => ({ producers: [] }));
      last = producers.find(({ producer }) => producer === client.producer) ?? last;
      return last?.stored === client.taken && last.inFlight === 0 ? last : undefined;
    },
    240_000,
    () => `${client.taken} were taken, and the ledger says ${JSON.stringify(last)}`,
  );
  const counts = new Map<number, number>();
  let found = 0;
  for (const event of await server.search(`service:${CLIENT_SERVICE} event_id:${client.producer}-*`, '-1h', 'now')) {
    found += 1;
    counts.set(Number(event.number), (counts.get(Number(event.number)) ?? 0) + 1);
  }
  return {
    ledger,
    found,
    missing: Array.from({ length: client.taken }, (_, i) => i + 1).filter((number) => !counts.has(number)),
    twice: [...counts].filter(([, count]) => count > 1).map(([number]) => number),
  };
}

const CLIENT_SERVICE = 'roles';

/** Sends events numbered 1, 2, 3, … and sends again what it got no answer for, as a library does. */
export class NumberedClient {
  readonly producer: string;
  readonly #url: string;
  #sent = 0;
  #refusals = 0;

  constructor(url: string, producer: string) {
    this.#url = url;
    this.producer = producer;
  }

  /** Events that the server said it has taken. */
  get taken(): number {
    return this.#sent;
  }

  /** Posts that failed, and were sent again. */
  get refusals(): number {
    return this.#refusals;
  }

  async send(count: number, signal?: AbortSignal): Promise<void> {
    const lines = Array.from({ length: count }, (_, i) => this.#line(this.#sent + i + 1));
    for (;;) {
      if (await this.#post(lines)) break;
      if (signal?.aborted === true) throw new Error('the client was stopped while it had no answer');
      this.#refusals += 1;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    this.#sent += count;
  }

  /** The account that a library sends beside its events. */
  async sendLedger(): Promise<void> {
    const now = new Date().toISOString();
    const ledger = {
      schema: 'tailrace/ledger/v1',
      producer: this.producer,
      service: CLIENT_SERVICE,
      host: 'test',
      pid: 1,
      started: now,
      timestamp: now,
      emitted: this.#sent,
      sequence: this.#sent,
      kept: { SAMPLED_NORMAL: this.#sent },
      sampled_out: {},
      dropped: {},
      dead: {},
      closed: true,
    };
    await waitFor('the ledger line to be taken', async () =>
      (await this.#post([JSON.stringify(ledger)])) ? true : undefined,
    );
  }

  #line(n: number): string {
    return JSON.stringify({
      schema: 'tailrace/event/v1',
      event_id: `${this.producer}-${n}`,
      timestamp: new Date().toISOString(),
      level: 'info',
      service: CLIENT_SERVICE,
      number: n,
      trace_id: n.toString(16).padStart(32, '0'),
      'sampling.rule': 'SAMPLED_NORMAL',
      'sampling.rate': 1,
    });
  }

  #post(lines: readonly string[]): Promise<boolean> {
    return fetch(`${this.#url}/v1/events`, {
      method: 'POST',
      body: lines.join('\n'),
      headers: { 'content-type': 'application/x-ndjson' },
      signal: AbortSignal.timeout(30_000),
    }).then(
      ({ ok }) => ok,
      () => false,
    );
  }
}
