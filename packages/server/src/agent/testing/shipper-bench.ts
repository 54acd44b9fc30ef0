/** A shipper over real files, with a clock of its own, that can be closed, or dropped as a killed process drops it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRedactor } from 'tailrace/redaction';
import { createPolicy } from 'tailrace/sampling';
import { createSerialiser } from 'tailrace/serialise';
import { makeSpoolFolder, openSpoolReader } from 'tailrace/spool';
import { type AgentConfig, loadAgentConfig } from '../agent-config.ts';
import { FileRegistry } from '../file-registry.ts';
import { FileShipper } from '../file-shipper.ts';
import { OwnSpool } from '../own-spool.ts';
import { isKeepingAll } from '../record-entry.ts';
import { replayLine } from '../replay-line.ts';

export type Line = Readonly<Record<string, unknown>>;

/** Keeps all lines of the spool, for the test to read. */
const KEEP = 'keep';

export interface ShipperBench {
  readonly folder: string;
  readonly notices: string[];
  readonly shipper: FileShipper;
  readonly registry: FileRegistry;
  readonly spool: OwnSpool;
  nowMs: number;
  open(): Promise<void>;
  /** Turns until nothing more is read; then the clock goes on by `passMs`, and so once more. */
  settle(passMs?: number): Promise<void>;
  close(): Promise<void>;
  /** Ends it with nothing written down, as after kill -9. */
  drop(): Promise<void>;
  lines(): Promise<Line[]>;
  events(): Promise<Line[]>;
  end(): Promise<void>;
}

export interface BenchSettings {
  readonly config: Readonly<Record<string, unknown>>;
  readonly normalRate?: number;
  readonly maxSpoolBytes?: number;
  readonly folder?: string;
}

export async function openBench(settings: BenchSettings): Promise<ShipperBench> {
  const folder = settings.folder ?? mkdtempSync(join(tmpdir(), 'tailrace-agent-'));
  const directory = join(folder, 'agent', 'spool', 'agent');
  const notices: string[] = [];
  const config = configOf(settings, folder);
  let shipper: FileShipper | undefined;
  let registry: FileRegistry | undefined;
  let spool: OwnSpool | undefined;

  const bench: ShipperBench = {
    folder,
    notices,
    nowMs: Date.now(),
    get shipper() {
      return opened(shipper);
    },
    get registry() {
      return opened(registry);
    },
    get spool() {
      return opened(spool);
    },
    async open() {
      makeSpoolFolder(directory);
      const files = new FileRegistry(join(folder, 'agent'));
      registry = files;
      spool = await OwnSpool.open(
        {
          directory,
          maxBytes: settings.maxSpoolBytes,
          fsync: 'off',
          routes: [KEEP],
          onNotice: ({ code }) => notices.push(code),
        },
        files.spoolPosition,
        (line) => replayLine(files, line),
      );
      shipper = new FileShipper({
        registry: files,
        spool,
        inputs: config.inputs,
        recording: {
          policy: createPolicy({ ...config.library.sampling, onRuleFault: () => {} }),
          keepsAll: isKeepingAll(config.library.sampling),
          serialiser: createSerialiser({ redactor: createRedactor(), includeStack: true }),
          host: 'web1',
          now: () => bench.nowMs,
        },
        limits: config,
        onNotice: (code) => notices.push(code),
      });
    },
    async settle(passMs = 0) {
      for (let pass = 0; pass < 2; pass += 1) {
        bench.nowMs = Math.max(bench.nowMs + (pass === 0 ? 1 : passMs), Date.now());
        for (let turns = 0; turns < 10_000; turns += 1) {
          if (!(await bench.shipper.turn(bench.nowMs, true, NEVER))) break;
        }
        if (passMs === 0) break;
      }
    },
    async close() {
      await bench.shipper.close(bench.nowMs);
      await bench.spool.close();
    },
    async drop() {
      // Descriptors and lock go; the state file stays as it was written last.
      await bench.spool.close();
      registry = undefined;
    },
    async lines() {
      const reader = await openSpoolReader({ directory, cursor: KEEP, from: { segment: 1, offset: 0 } });
      const lines: Line[] = [];
      for (;;) {
        const batch = await reader.read({ maxLines: 1000, maxBytes: 1 << 20 });
        if (batch === undefined) break;
        for (const line of batch.lines) {
          const value: unknown = JSON.parse(line.toString());
          if (typeof value === 'object' && value !== null) lines.push({ ...value });
        }
      }
      await reader.close();
      return lines;
    },
    async events() {
      return (await bench.lines()).filter(({ schema }) => schema === 'tailrace/event/v1');
    },
    async end() {
      await bench.close().catch(() => {});
      rmSync(folder, { recursive: true, force: true });
    },
  };
  await bench.open();
  return bench;
}

const NEVER = new AbortController().signal;

function configOf({ config, normalRate }: BenchSettings, folder: string): AgentConfig {
  const env = normalRate === undefined ? {} : { LOG_SAMPLING_NORMAL_RATE: String(normalRate) };
  const inputs = [{ name: 'app', include: join(folder, 'logs', '*.log'), ...config }];
  return loadAgentConfig({}, { inputs, scanMs: 10, maxOpenFiles: 40 }, env, folder);
}

function opened<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('the bench is not open');
  return value;
}
