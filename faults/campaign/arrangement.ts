/**
 * Everything that is put to the test, in one folder: producers, agent, link, server, and where it is asked for a broker with
 * a writer of its own behind it.
 *
 *     producers ─┐
 *     agent ─────┴─ link ─ server                          (queue in the spool)
 *                   link ─ ingest ─ Redis or Kafka ─ writer (queue in a broker)
 *
 * The producers have three data folders. In the first are two producers and the agent, which delivers what they leave behind; in
 * the second is one with a spool that is soon full, and that forces each write to the device; the third is on the small disk.
 */
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from '../../tests/processes.ts';
import { createServerClient, type ServerClient } from '../../tests/server-client.ts';
import { type OwnService, startService } from '../../tests/services.ts';
import { Link } from './link.ts';
import { ProcessPart } from './process-part.ts';
import { ProducerSlot, type ProducerSlotOptions } from './producer-slot.ts';
import type { Programs } from './programs.ts';
import { SmallDisk } from './small-disk.ts';

export const QUEUES = ['spool', 'redis', 'kafka'] as const;
export type Queue = (typeof QUEUES)[number];

export interface ArrangementOptions {
  readonly folder: string;
  readonly programs: Programs;
  readonly queue: Queue;
  /** Events of each producer. */
  readonly perSecond: number;
}

const SPOOL_BYTES = 16 * 1024 * 1024;
/** So little that a server's absence of a few seconds fills it. */
const NARROW_SPOOL_BYTES = 96 * 1024;

export class Arrangement {
  readonly folder: string;
  readonly oracleFolder: string;
  readonly producers: readonly ProducerSlot[];
  readonly agent: ProcessPart;
  /** The server, or the one that takes events in where a broker is between. */
  readonly ingest: ProcessPart;
  /** The one that writes, where that is another. */
  readonly writer: ProcessPart | undefined;
  readonly broker: OwnService | undefined;
  readonly link: Link;
  /** Asks the process that has the store. */
  readonly client: ServerClient;
  readonly disk: SmallDisk | undefined;
  /** Where the store's segments are. */
  readonly storeFolder: string;
  readonly #idle: readonly ProducerSlot[];

  private constructor(parts: {
    readonly options: ArrangementOptions;
    readonly link: Link;
    readonly broker: OwnService | undefined;
    readonly disk: SmallDisk | undefined;
    readonly ports: readonly [ingest: number, writer: number];
  }) {
    const { options, link, broker, disk, ports } = parts;
    const { folder, programs, queue } = options;
    this.folder = folder;
    this.oracleFolder = join(folder, 'oracle');
    this.link = link;
    this.broker = broker;
    this.disk = disk;
    const isAlone = broker === undefined;
    const server = (name: string, roles: string, port: number): ProcessPart => {
      const client = createServerClient(`http://127.0.0.1:${port}`);
      const logFile = this.#log(name);
      return new ProcessPart({
        name,
        logFile,
        isReady: () => client.isReady(),
        run: () =>
          programs.runTailrace(
            ['server', '--port', String(port), '--data-dir', this.#data(name)],
            { ...serverEnvironment(queue, broker), TAILRACE_ROLE: roles },
            logFile,
          ),
      });
    };
    this.ingest = server(isAlone ? 'server' : 'ingest', isAlone ? 'ingest,write,query' : 'ingest', ports[0]);
    this.writer = isAlone ? undefined : server('writer', 'write,query', ports[1]);
    this.storeFolder = join(this.#data((this.writer ?? this.ingest).name), 'store');
    this.client = createServerClient(`http://127.0.0.1:${isAlone ? ports[0] : ports[1]}`);
    this.agent = new ProcessPart({
      name: 'agent',
      logFile: this.#log('agent'),
      run: () =>
        programs.runTailrace(
          ['agent', '--spools', this.#data('shared'), '--to', link.url, '--data-dir', this.#data('agent')],
          {},
          this.#log('agent'),
        ),
    });
    this.producers = [
      this.#slot(options, 'shared-1', { dataDir: this.#data('shared') }),
      this.#slot(options, 'shared-2', { dataDir: this.#data('shared') }),
      this.#slot(options, 'narrow', {
        dataDir: this.#data('narrow'),
        spoolBytes: NARROW_SPOOL_BYTES,
        fsync: 'always',
      }),
      ...(disk === undefined ? [] : [this.#slot(options, 'small-disk', { dataDir: join(disk.folder, 'data'), disk })]),
    ];
    const folders = new Set(this.producers.map(({ dataDir }) => dataDir));
    this.#idle = [...folders].map((dataDir, i) => this.#slot(options, `idle-${i}`, { dataDir, perSecond: 0 }));
  }

  /** @throws Error where a broker is asked for that isn't installed. */
  static async open(options: ArrangementOptions): Promise<Arrangement> {
    const { folder, queue } = options;
    for (const name of ['oracle', 'logs', 'data']) await mkdir(join(folder, name), { recursive: true });
    const broker =
      queue === 'spool' ? undefined : await startService(queue, { dataDir: join(folder, 'data', 'broker') });
    if (queue !== 'spool' && broker === undefined) throw new Error(`${queue} is not installed`);
    const ports = [await freePort(), await freePort()] as const;
    const link = await Link.open(`http://127.0.0.1:${ports[0]}`);
    const disk = await SmallDisk.mount(join(folder, 'data', 'small-disk'));
    return new Arrangement({ options, link, broker, disk, ports });
  }

  async start(): Promise<void> {
    await this.writer?.start();
    await this.ingest.start();
    await this.agent.start();
    for (const producer of this.producers) await producer.start();
  }

  /** The producers end in order; in each folder one that logs nothing stays, and delivers what is left there. */
  async endProducers(): Promise<void> {
    await Promise.all(this.producers.map((producer) => producer.end('SIGTERM')));
    for (const idle of this.#idle) await idle.start();
  }

  /** Spools of producers that are gone, by folder. */
  async leftSpools(): Promise<readonly string[]> {
    const own = new Set(this.#idle.map((idle) => idle.testimony()?.producer));
    const left: string[] = [];
    for (const { dataDir } of this.#idle) {
      const root = join(dataDir, 'spool');
      const names = (await readdir(root).catch(() => [])).filter((name) => !own.has(name));
      // The agent takes part in the shared folder with an empty spool of its own.
      const others = dataDir === this.#data('shared') ? names.length - 1 : names.length;
      if (others > 0) left.push(...names.map((name) => join(root, name)));
    }
    return left;
  }

  /** Those who delivered the rest end, in order. */
  async endDelivery(): Promise<void> {
    await Promise.all([...this.#idle, this.agent].map((part) => part.end('SIGTERM')));
  }

  async endServers(): Promise<void> {
    await this.ingest.end('SIGTERM');
    await this.writer?.end('SIGTERM');
  }

  /** Ends what is still running, at once. */
  async close(): Promise<void> {
    const parts = [...this.producers, ...this.#idle, this.agent, this.ingest, this.writer];
    await Promise.all(parts.map((part) => part?.end('SIGKILL')));
    this.link.close();
    await this.broker?.close();
    this.disk?.unmount();
  }

  get dataFolder(): string {
    return join(this.folder, 'data');
  }

  #data(name: string): string {
    return join(this.folder, 'data', name);
  }

  #log(name: string): string {
    return join(this.folder, 'logs', `${name}.log`);
  }

  #slot(
    { programs, perSecond }: ArrangementOptions,
    name: string,
    own: Partial<ProducerSlotOptions> & { readonly dataDir: string },
  ): ProducerSlot {
    const { oracleFolder, link } = this;
    return new ProducerSlot({
      name,
      programs,
      perSecond,
      oracleFolder,
      url: link.url,
      logFile: this.#log(name),
      spoolBytes: SPOOL_BYTES,
      fsync: 'off',
      ...own,
    });
  }
}

function serverEnvironment(queue: Queue, broker: OwnService | undefined): Readonly<Record<string, string>> {
  return {
    TAILRACE_LEDGER_GRACE_SECONDS: '2',
    TAILRACE_COMMIT_SECONDS: '2',
    TAILRACE_COMMIT_LINES: '2000',
    // The judge wants to see each one's account.
    TAILRACE_MAX_PRODUCERS: '100000',
    ...(broker !== undefined && {
      MQ_ENABLED: 'true',
      MQ_TYPE: queue,
      MQ_BATCH_TIMEOUT_MS: '100',
      TAILRACE_FALLBACK: 'noncritical',
      ...(queue === 'redis' ? { REDIS_URL: broker.url } : { MQ_BROKER_ADDRESS: broker.address }),
    }),
  };
}
