/** The built server in a process of its own, and what the kernel says of that process. */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { cleanEnvironment, endProcess } from '../tests/processes.ts';

const PROGRAM = fileURLToPath(new URL('../packages/server/bin/tailrace.js', import.meta.url));
/** Linux counts processor time in hundredths of a second, whatever its clock. */
const TICK_MS = 10;

export interface BuiltServerOptions {
  readonly dataDir: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Options of Node, such as `--cpu-prof`. */
  readonly nodeArgs?: readonly string[];
}

export class BuiltServer {
  readonly url: string;
  /** From the start of the process until it listens. */
  readonly startMs: number;
  /** Processor time that the start took: what is left of it on a machine that has other things to do. */
  readonly startCpuMs: number;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, url: string, startMs: number) {
    this.#child = child;
    this.url = url;
    this.startMs = startMs;
    this.startCpuMs = this.usage().cpuMs;
  }

  /** @throws Error where it ends before it listens. */
  static async start({ dataDir, env = {}, nodeArgs = [] }: BuiltServerOptions): Promise<BuiltServer> {
    const startedMs = performance.now();
    const child = spawn(process.execPath, [...nodeArgs, PROGRAM, 'server'], {
      env: { ...cleanEnvironment(), TAILRACE_PORT: '0', TAILRACE_DATA_DIR: dataDir, ...env },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    for await (const line of createInterface({ input: child.stdout })) {
      const url = /listens on (http:\S+)/.exec(line)?.[1];
      if (url === undefined) continue;
      const server = new BuiltServer(child, url, performance.now() - startedMs);
      child.stdout.resume();
      return server;
    }
    throw new Error('the server ended before it listened');
  }

  get pid(): number {
    if (this.#child.pid === undefined) throw new Error('the server has no process');
    return this.#child.pid;
  }

  /** Processor time of all its threads, and the most memory that it has had. */
  usage(): { readonly cpuMs: number; readonly peakBytes: number; readonly residentBytes: number } {
    const status = readFileSync(`/proc/${this.#child.pid}/status`, 'utf8');
    const statText = readFileSync(`/proc/${this.#child.pid}/stat`, 'utf8');
    const fields = statText.slice(statText.lastIndexOf(')') + 2).split(' ');
    return {
      cpuMs: (Number(fields[11]) + Number(fields[12])) * TICK_MS,
      peakBytes: kibibytes(status, 'VmHWM') * 1024,
      residentBytes: kibibytes(status, 'VmRSS') * 1024,
    };
  }

  end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    return endProcess(this.#child, signal);
  }
}

function kibibytes(status: string, name: string): number {
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0);
}

/** Bytes of all files below a folder. */
export async function folderBytes(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  let bytes = 0;
  for (const entry of entries) if (entry.isFile()) bytes += (await stat(join(entry.parentPath, entry.name))).size;
  return bytes;
}
