/** Log files that are written to and rotated without end, by `logrotate` itself where it is installed. */
import { execFile, execFileSync } from 'node:child_process';
import { appendFileSync, chmodSync, existsSync, mkdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export type RotationMode = 'rename' | 'copytruncate';

/** The path of `logrotate`, `undefined` where there is none: then a script of our own does what it does. */
export const LOGROTATE = ['/usr/sbin/logrotate', '/usr/bin/logrotate'].find((path) => existsSync(path));

export interface RotatedLog {
  readonly folder: string;
  readonly path: string;
  /** Appends lines as a program does that opens its file for each write; returns the last number. */
  write(lines: number): number;
  rotate(): Promise<void>;
  readonly rotations: number;
  /** The numbers that are in the files now, compressed or not. */
  numbersOnDisk(): number[];
}

const KEPT = 500;

export function createRotatedLog(folder: string, mode: RotationMode): RotatedLog {
  mkdirSync(join(folder, 'logs'), { recursive: true });
  const path = join(folder, 'logs', 'app.log');
  const config = join(folder, 'logrotate.conf');
  const how = mode === 'copytruncate' ? 'copytruncate' : 'nocreate';
  writeFileSync(config, `${path} {\n  rotate ${KEPT}\n  ${how}\n  compress\n  missingok\n  su root root\n}\n`);
  // It refuses configurations and folders that others may write to.
  chmodSync(config, 0o600);
  chmodSync(join(folder, 'logs'), 0o755);
  let last = 0;
  let rotations = 0;
  return {
    folder: join(folder, 'logs'),
    path,
    get rotations() {
      return rotations;
    },
    write(lines) {
      let text = '';
      for (let i = 0; i < lines; i += 1) {
        last += 1;
        text += `{"level":"info","msg":"line ${last}","n":${last}}\n`;
      }
      appendFileSync(path, text);
      return last;
    },
    async rotate() {
      if (!existsSync(path)) return;
      if (LOGROTATE === undefined) rotateByHand(path, mode);
      else await run(LOGROTATE, ['--force', '--state', join(folder, 'logrotate.state'), config]);
      rotations += 1;
    },
    numbersOnDisk() {
      const text = execFileSync('sh', ['-c', `cat ${path} 2>/dev/null; cat ${path}.[0-9]* | gzip -dcf`], {
        maxBuffer: 1 << 28,
      }).toString();
      return [...text.matchAll(/"n":(\d+)/g)].map(([, n]) => Number(n)).sort((a, b) => a - b);
    },
  };
}

function rotateByHand(path: string, mode: RotationMode): void {
  for (let i = KEPT; i >= 1; i -= 1) {
    if (statSync(`${path}.${i}.gz`, { throwIfNoEntry: false })) renameSync(`${path}.${i}.gz`, `${path}.${i + 1}.gz`);
  }
  rmSync(`${path}.${KEPT + 1}.gz`, { force: true });
  if (mode === 'rename') renameSync(path, `${path}.1`);
  else execFileSync('sh', ['-c', `cp -p ${path} ${path}.1 && : > ${path}`]);
  execFileSync('gzip', [`${path}.1`]);
}
