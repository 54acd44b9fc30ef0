/** Which machine a run was made on: figures of different machines are never compared. */
import { cpus, release, totalmem } from 'node:os';

export interface Machine {
  readonly processor: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly platform: string;
  /** The major version is what matters for speed. */
  readonly node: string;
}

export function thisMachine(): Machine {
  return {
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    platform: `${process.platform} ${release().split('.').slice(0, 2).join('.')} ${process.arch}`,
    node: process.version,
  };
}

/** The same kind of machine, with the same major version of Node. */
export function isSameClass(a: Machine, b: Machine): boolean {
  return (
    a.processor === b.processor &&
    a.cores === b.cores &&
    a.platform === b.platform &&
    majorOf(a.node) === majorOf(b.node)
  );
}

export function describeMachine({ processor, cores, memoryGiB, platform, node }: Machine): string {
  return `${processor}, ${cores} cores, ${memoryGiB} GiB, ${platform}, Node ${node}`;
}

function majorOf(version: string): string {
  return version.split('.')[0] ?? version;
}
