/** A server and a shop in processes of their own, with a folder for each, that can be killed and started again. */
import type { ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isConnectable } from '../examples/payments/src/readiness.ts';
import { type RequestRecord, sendTraffic } from '../examples/payments/src/traffic.ts';
import { endProcess, freePort, hasEnded, readLog, runSource, SERVER_ENTRY, SHOP_ENTRY, waitFor } from './processes.ts';
import { createServerClient, type Ledger, type ServerClient } from './server-client.ts';

export interface PipelineOptions {
  readonly seed: number;
  /** Latencies, and what counts as slow, are multiplied by this. */
  readonly timeFactor: number;
  readonly normalRate: number;
  /** More environment for the server and the shop. */
  readonly serverEnv?: Readonly<Record<string, string>>;
  readonly shopEnv?: Readonly<Record<string, string>>;
  /** Modules that the shop loads first. */
  readonly shopPreload?: readonly string[];
}

export interface TrafficRequest {
  readonly firstPayment?: number;
  readonly payments?: number;
  readonly concurrency: number;
  readonly signal?: AbortSignal;
}

const READY_TIMEOUT_MS = 60_000;

export class Pipeline {
  readonly directory: string;
  readonly serverUrl: string;
  readonly shopUrl: string;
  readonly client: ServerClient;
  readonly #options: PipelineOptions;
  readonly #serverPort: number;
  readonly #shopPort: number;
  #server: ChildProcess | undefined;
  #shop: ChildProcess | undefined;

  private constructor(directory: string, serverPort: number, shopPort: number, options: PipelineOptions) {
    this.directory = directory;
    this.#serverPort = serverPort;
    this.#shopPort = shopPort;
    this.#options = options;
    this.serverUrl = `http://127.0.0.1:${serverPort}`;
    this.shopUrl = `http://127.0.0.1:${shopPort}`;
    this.client = createServerClient(this.serverUrl);
  }

  /** Starts both, with empty folders. */
  static async start(options: PipelineOptions): Promise<Pipeline> {
    const directory = await mkdtemp(join(tmpdir(), 'tailrace-pipeline-'));
    const pipeline = new Pipeline(directory, await freePort(), await freePort(), options);
    try {
      await pipeline.startServer();
      await pipeline.startShop();
    } catch (error) {
      await pipeline.end();
      throw error;
    }
    return pipeline;
  }

  get serverDataDir(): string {
    return join(this.directory, 'server');
  }

  get shopDataDir(): string {
    return join(this.directory, 'shop');
  }

  async startServer(): Promise<void> {
    const logFile = join(this.directory, 'server.log');
    const server = runSource(SERVER_ENTRY, ['server'], {
      logFile,
      env: {
        TAILRACE_PORT: String(this.#serverPort),
        TAILRACE_DATA_DIR: this.serverDataDir,
        ...this.#options.serverEnv,
      },
    });
    this.#server = server;
    await this.#ready('the server', server, logFile, () => this.client.isReady());
  }

  async startShop(): Promise<void> {
    const logFile = join(this.directory, 'shop.log');
    const shop = runSource(SHOP_ENTRY, [], {
      logFile,
      preload: this.#options.shopPreload ?? [],
      env: {
        TAILRACE_URL: this.serverUrl,
        TAILRACE_DATA_DIR: this.shopDataDir,
        PAYMENTS_PORT: String(this.#shopPort),
        PAYMENTS_SEED: String(this.#options.seed),
        PAYMENTS_TIME_FACTOR: String(this.#options.timeFactor),
        LOG_SAMPLING_NORMAL_RATE: String(this.#options.normalRate),
        ...this.#options.shopEnv,
      },
    });
    this.#shop = shop;
    await this.#ready('the shop', shop, logFile, () => isConnectable('127.0.0.1', this.#shopPort));
  }

  async endServer(signal: NodeJS.Signals): Promise<void> {
    if (this.#server !== undefined) await endProcess(this.#server, signal);
  }

  async endShop(signal: NodeJS.Signals): Promise<void> {
    if (this.#shop !== undefined) await endProcess(this.#shop, signal);
  }

  /** Stops or continues the server without ending it: it then hangs with its connections open. */
  signalServer(signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.#server?.kill(signal);
  }

  /** Sends traffic to the shop; resolves with the log of truth. */
  async traffic(request: TrafficRequest): Promise<readonly RequestRecord[]> {
    const records: RequestRecord[] = [];
    await sendTraffic({
      ...request,
      url: this.shopUrl,
      seed: this.#options.seed,
      onRequest: (record) => records.push(record),
    });
    return records;
  }

  /** Waits until the ledger says what is wanted. */
  async ledger(what: string, isWanted: (ledger: Ledger) => boolean, timeoutMs = 30_000): Promise<Ledger> {
    let last: Ledger | undefined;
    return waitFor(
      what,
      async () => {
        last = await this.client.ledger();
        return isWanted(last) ? last : undefined;
      },
      timeoutMs,
      () => `The ledger says ${JSON.stringify(last?.totals)}.`,
    );
  }

  /** What both printed. */
  logs(): string {
    return ['server', 'shop'].map((name) => `${name}:\n${readLog(join(this.directory, `${name}.log`))}`).join('\n');
  }

  /** Ends both at once and removes their folders. */
  async end(): Promise<void> {
    await Promise.all([this.endShop('SIGKILL'), this.endServer('SIGKILL')]);
    await rm(this.directory, { recursive: true, force: true });
  }

  async #ready(what: string, child: ChildProcess, logFile: string, ask: () => Promise<boolean>): Promise<void> {
    await waitFor(
      `${what} to be ready`,
      async () => {
        if (hasEnded(child)) throw new Error(`${what} ended at its start:\n${readLog(logFile)}`);
        return (await ask()) ? true : undefined;
      },
      READY_TIMEOUT_MS,
      () => readLog(logFile),
    );
  }
}
