import type { ChildProcess } from 'node:child_process';
import { endProcess, hasEnded, readLog, waitFor } from '../../tests/processes.ts';

export interface ProcessPartOptions {
  readonly name: string;
  readonly logFile: string;
  readonly run: () => ChildProcess;
  /** Asked again and again after a start; left out where nobody has to wait. */
  readonly isReady?: () => Promise<boolean>;
}

const READY_TIMEOUT_MS = 120_000;
const LOG_TAIL = 3_000;

/** A process that is killed, frozen, and started again. */
export class ProcessPart {
  readonly name: string;
  readonly #options: ProcessPartOptions;
  #child: ChildProcess | undefined;

  constructor(options: ProcessPartOptions) {
    this.name = options.name;
    this.#options = options;
  }

  /** @throws Error where it ends before it is ready. */
  async start(): Promise<void> {
    const { run, isReady, logFile } = this.#options;
    this.#child = run();
    if (isReady === undefined) return;
    const ask = async (): Promise<true | undefined> => {
      this.assertRunning();
      return (await isReady()) ? true : undefined;
    };
    await waitFor(`${this.name} to be ready`, ask, READY_TIMEOUT_MS, () => readLog(logFile).slice(-LOG_TAIL));
  }

  /** @throws Error where it has ended without being told to. */
  assertRunning(): void {
    const child = this.#child;
    if (child === undefined || !hasEnded(child)) return;
    const how = child.signalCode ?? `code ${child.exitCode}`;
    throw new Error(`${this.name} ended by itself (${how}):\n${readLog(this.#options.logFile).slice(-LOG_TAIL)}`);
  }

  async kill(): Promise<void> {
    this.assertRunning();
    await this.end('SIGKILL');
  }

  /** Asks it to end, and waits for that. */
  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined) return;
    child.kill('SIGCONT');
    await endProcess(child, signal);
  }

  freeze(): void {
    this.#child?.kill('SIGSTOP');
  }

  thaw(): void {
    this.#child?.kill('SIGCONT');
  }

  send(message: Readonly<Record<string, unknown>>): void {
    const child = this.#child;
    if (child?.connected !== true) return;
    // A process that dies while it is told something has no need to hear it.
    child.send(message, () => {});
  }
}
