/** Commands of the documentation, run as a reader runs them: in a shell, `npx tailrace` from source, against a given server. */
import { execFile } from 'node:child_process';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cleanEnvironment, ROOT, SERVER_ENTRY, SOURCE_ARGS } from './processes.ts';

export interface CommandResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Shell {
  run(command: string): Promise<CommandResult>;
}

export interface ShellOptions {
  /** The working folder of the commands; made by the caller. */
  readonly directory: string;
  /** Stands in for `http://127.0.0.1:7300`, which the pages name. */
  readonly url: string;
  readonly env?: Readonly<Record<string, string>>;
  /** What `npx` runs in place of `tailrace`. @defaultValue the command, from source */
  readonly tailrace?: readonly string[];
}

const DOCUMENTED_ADDRESS = /(?<=\b(?:http:\/\/)?)127\.0\.0\.1:7300\b/g;

export async function createShell({ directory, url, env = {}, tailrace = FROM_SOURCE }: ShellOptions): Promise<Shell> {
  const programs = join(directory, '.bin');
  await mkdir(programs, { recursive: true });
  const npx = join(programs, 'npx');
  const command = [process.execPath, ...tailrace].map(quote).join(' ');
  await writeFile(
    npx,
    `#!/bin/sh\n[ "$1" = tailrace ] || { echo "not prepared for $1" >&2; exit 1; }\nshift\nexec ${command} "$@"\n`,
  );
  await chmod(npx, 0o755);
  const environment = cleanEnvironment();
  return {
    run: (text) =>
      new Promise((resolve) => {
        const child = execFile(
          'bash',
          ['-euo', 'pipefail', '-c', text.replaceAll(DOCUMENTED_ADDRESS, new URL(url).host)],
          {
            cwd: directory,
            timeout: 60_000,
            env: {
              ...environment,
              TAILRACE_URL: url,
              TSX_TSCONFIG_PATH: join(ROOT, 'tsconfig.base.json'),
              ...env,
              PATH: `${programs}:${environment.PATH ?? ''}`,
            },
          },
          (_error, stdout, stderr) => resolve({ exitCode: child.exitCode ?? -1, stdout, stderr }),
        );
      }),
  };
}

const FROM_SOURCE = [...SOURCE_ARGS, SERVER_ENTRY];

function quote(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}
