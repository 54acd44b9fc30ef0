import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { SOURCE_ARGS } from '../../../../tests/processes.ts';

export interface Child {
  readonly process: ChildProcessByStdio<Writable, Readable, Readable>;
  stdout(): string;
  stderr(): string;
  /** Resolves when the process has ended and all of its output has come. */
  readonly ended: Promise<unknown>;
}

/** The command line of one of the programs beside this file. */
export function commandOf(program: string, args: readonly string[]): string[] {
  const file = fileURLToPath(new URL(program, import.meta.url));
  return [process.execPath, ...SOURCE_ARGS, file, ...args];
}

export function runChild(program: string, args: readonly string[]): Child {
  return runCommand(commandOf(program, args));
}

export function runCommand(command: readonly string[]): Child {
  const [file = '', ...args] = command;
  const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  return { process: child, stdout: () => stdout, stderr: () => stderr, ended: once(child, 'close') };
}
