/** What `tailrace doctor` makes of an agent's status file. */
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { STATUS_FILE } from '../agent/status-file.ts';
import { isRecord } from './client.ts';

export interface AgentFinding {
  readonly ok: boolean;
  readonly message: string;
}

/** An agent that missed so many writes of its status is taken for dead. */
const MISSED_WRITES = 6;

/** @returns `undefined` where no agent has this data folder. */
export function inspectAgent(dataDir: string, nowMs: number): AgentFinding | undefined {
  const path = join(resolve(dataDir), STATUS_FILE);
  let status: unknown;
  try {
    status = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    return { ok: false, message: `${path} can't be read: ${error instanceof Error ? error.message : String(error)}` };
  }
  if (!isRecord(status) || !isRecord(status.counts)) return { ok: false, message: `${path} is no status of an agent` };
  const faults = faultsOf(status, nowMs);
  const { counts, unreadBytes } = status;
  const figures = `${String(counts.entries)} entries read, ${String(unreadBytes)} bytes behind`;
  return { ok: faults.length === 0, message: [`agent in ${dataDir}: ${figures}`, ...faults].join('; ') };
}

function faultsOf(status: Readonly<Record<string, unknown>>, nowMs: number): string[] {
  const faults: string[] = [];
  const { writtenMs, intervalMs, isEnded, isBlocked, unreadable, counts, pid } = status;
  const ageMs = nowMs - Number(writtenMs);
  if (isEnded !== true && ageMs > Number(intervalMs) * MISSED_WRITES) {
    faults.push(`process ${String(pid)} gave no sign for ${Math.round(ageMs / 1000)} s`);
  }
  if (isBlocked === true) faults.push('reading waits, since its spool takes nothing: is the destination away?');
  for (const one of Array.isArray(unreadable) ? unreadable.filter(isRecord).slice(0, 5) : []) {
    faults.push(`${String(one.path)} can't be read: ${String(one.reason)}`);
  }
  if (isRecord(counts) && Number(counts.lostBytes) > 0) {
    faults.push(
      `${String(counts.lostBytes)} bytes of ${String(counts.lostFiles)} files were gone before they were read`,
    );
  }
  return faults;
}
