import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { parseTestimony, type Testimony } from './oracle.ts';
import { ProcessPart } from './process-part.ts';
import type { Programs } from './programs.ts';
import type { SmallDisk } from './small-disk.ts';

export interface ProducerSlotOptions {
  readonly name: string;
  readonly dataDir: string;
  readonly oracleFolder: string;
  readonly logFile: string;
  readonly programs: Programs;
  /** Where events are sent to. */
  readonly url: string;
  readonly perSecond: number;
  readonly spoolBytes: number;
  readonly fsync: 'off' | 'always';
  /** The disk that its folder is on, where it has one of its own. */
  readonly disk?: SmallDisk;
}

/** The place of a producer: one process after the other, each with an oracle's file of its own. */
export class ProducerSlot extends ProcessPart {
  readonly dataDir: string;
  readonly disk: SmallDisk | undefined;
  readonly #oracleFile: () => string;

  constructor(options: ProducerSlotOptions) {
    let boots = 0;
    const oracleFile = (): string => join(options.oracleFolder, `${options.name}-${boots}`);
    super({
      name: options.name,
      logFile: options.logFile,
      run: () => {
        boots += 1;
        return options.programs.runProducer(
          {
            TAILRACE_URL: options.url,
            TAILRACE_DATA_DIR: options.dataDir,
            FAULTS_ORACLE_FILE: oracleFile(),
            FAULTS_PER_SECOND: String(options.perSecond),
            FAULTS_SPOOL_BYTES: String(options.spoolBytes),
            FAULTS_FSYNC: options.fsync,
          },
          options.logFile,
        );
      },
    });
    this.dataDir = options.dataDir;
    this.disk = options.disk;
    this.#oracleFile = oracleFile;
  }

  /** True once the process has an id. */
  hasBegun(): boolean {
    return (statSync(this.#oracleFile(), { throwIfNoEntry: false })?.size ?? 0) > 0;
  }

  /** What the process that ran last was told; undefined where it died before it had an id. */
  testimony(): Testimony | undefined {
    try {
      return parseTestimony(readFileSync(this.#oracleFile(), 'utf8'));
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
      throw error;
    }
  }

  spoolOf({ producer }: Testimony): string {
    return join(this.dataDir, 'spool', producer);
  }
}
