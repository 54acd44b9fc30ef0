/** A reader in a process of its own, as a test sees it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

const RUN_SOURCE = new URL('../../../../../scripts/source/register.js', import.meta.url).href;

export interface ChildReader {
  /** What it has read so far. */
  readonly lines: readonly string[];
  readonly unreadable: readonly { readonly reason: string; readonly line: string }[];
  readonly isDead: boolean;
  /** `kill -9`. */
  kill(): Promise<void>;
  /** Resolves when it is dead, of whatever. */
  readonly died: Promise<void>;
}

export function startReader(
  kind: 'kafka' | 'redis',
  options: object,
  mode: 'keep' | 'acknowledge' | 'gather',
): ChildReader {
  const file = new URL('./queue-child.ts', import.meta.url).pathname;
  const child = spawn(
    process.execPath,
    ['--import', RUN_SOURCE, '--conditions=@tailrace/source', file, kind, JSON.stringify(options), mode],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const lines: string[] = [];
  const unreadable: { reason: string; line: string }[] = [];
  createInterface({ input: child.stdout }).on('line', (text) => {
    const said: { lines?: string[]; unreadable?: { reason: string; line: string }[] } = JSON.parse(text);
    lines.push(...(said.lines ?? []));
    unreadable.push(...(said.unreadable ?? []));
  });
  const died = once(child, 'close').then(() => {});
  return {
    lines,
    unreadable,
    get isDead() {
      return child.exitCode !== null || child.signalCode !== null;
    },
    died,
    async kill() {
      child.kill('SIGKILL');
      await died;
    },
  };
}
