import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

export interface DemoProcessOptions {
  /** What people call it: `server`, `shop`. */
  readonly name: string;
  /** Arguments of Node. */
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  /** Where its output goes. */
  readonly logFile: string;
  /** Where its process id stands while it is meant to run. */
  readonly pidFile: string;
  /** Resolves true when the process can be used. */
  readonly isReady: () => Promise<boolean>;
  readonly say: (line: string) => void;
}

const RESTART_AFTER_MS = 2000;
const READY_POLL_MS = 50;
const READY_TIMEOUT_MS = 30_000;
const STOP_TIMEOUT_MS = 10_000;

/** A child process that is started again when it dies, until it is stopped. */
export class DemoProcess {
  readonly #options: DemoProcessOptions;
  readonly #stopping = new AbortController();
  #child: ChildProcess | undefined;

  constructor(options: DemoProcessOptions) {
    this.#options = options;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /**
   * Starts the process, and resolves when it is ready.
   *
   * @throws Error with the end of its output where it doesn't get that far.
   */
  async start(): Promise<void> {
    const child = this.#spawn();
    const deadline = Date.now() + READY_TIMEOUT_MS;
    while (!(await this.#options.isReady())) {
      const failed = hasEnded(child)
        ? 'ended at once'
        : Date.now() > deadline
          ? 'did not get ready in time'
          : undefined;
      if (failed !== undefined) throw new Error(`The ${this.#options.name} ${failed}.\n${this.#lastOutput()}`);
      await sleep(READY_POLL_MS);
    }
    child.once('exit', (code, signal) => void this.#revive(signal ?? `exit code ${code}`));
    // It may have died between its last answer and the line above.
    if (hasEnded(child)) void this.#revive(child.signalCode ?? `exit code ${child.exitCode}`);
  }

  /** Asks the process to end, and makes it end when it takes too long. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    rmSync(this.#options.pidFile, { force: true });
    const child = this.#child;
    if (child === undefined || hasEnded(child)) return;
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    const force = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
    await ended;
    clearTimeout(force);
  }

  #spawn(): ChildProcess {
    const { args, env, logFile, pidFile } = this.#options;
    mkdirSync(dirname(logFile), { recursive: true });
    const log = openSync(logFile, 'a');
    const child = spawn(process.execPath, args, { env, stdio: ['ignore', log, log, 'ipc'], detached: true });
    closeSync(log);
    // Without this listener a child that can't be started would throw here; `start` sees it as ended.
    child.on('error', (error) => this.#options.say(`The ${this.#options.name} could not be started: ${error.message}`));
    this.#child = child;
    if (child.pid !== undefined) writeFileSync(pidFile, `${child.pid}\n`);
    return child;
  }

  async #revive(cause: string): Promise<void> {
    const { name, say } = this.#options;
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      say(`The ${name} ended (${cause}); it starts again in ${RESTART_AFTER_MS / 1000} s.`);
      try {
        await sleep(RESTART_AFTER_MS, undefined, { signal });
        await this.start();
        say(`The ${name} is back (process ${this.pid}).`);
        return;
      } catch (error) {
        if (signal.aborted) return;
        cause = error instanceof Error ? error.message : String(error);
        await this.#discard();
      }
    }
  }

  async #discard(): Promise<void> {
    const child = this.#child;
    if (child === undefined || hasEnded(child)) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }

  #lastOutput(): string {
    try {
      return readFileSync(this.#options.logFile, 'utf8').trimEnd().split('\n').slice(-8).join('\n');
    } catch {
      return '';
    }
  }
}

function hasEnded(child: ChildProcess): boolean {
  return child.pid === undefined || child.exitCode !== null || child.signalCode !== null;
}
