/** `tailrace doctor`: looks at all that usually goes wrong, and says what to do about it. */
import { accessSync, constants, existsSync, statfsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { ConfigError, loadConfig, type ServerConfig } from '../config.ts';
import { inspectAgent } from './agent-status.ts';
import { type Client, isRecord } from './client.ts';
import type { Output } from './commands.ts';

interface Finding {
  readonly check: string;
  readonly ok: boolean;
  readonly message: string;
}

const LOW_SPACE_BYTES = 1024 ** 3;

/** @returns exit code 0 where nothing is wrong, else 1. */
export async function doctor(client: Client, output: Output): Promise<number> {
  const findings: Finding[] = [];
  const config = checkConfig(findings);
  if (config !== undefined) checkDisk(config, findings);
  await checkServer(client, findings);
  const agent = inspectAgent(process.env.TAILRACE_AGENT_DATA_DIR ?? 'tailrace-agent', Date.now());
  if (agent !== undefined) findings.push({ check: 'agent', ...agent });
  const isHealthy = findings.every(({ ok }) => ok);
  if (output.json) output.write(JSON.stringify({ ok: isHealthy, findings }, null, 2));
  else
    for (const { check, ok, message } of findings)
      output.write(`${ok ? 'ok  ' : 'FAIL'}  ${check.padEnd(8)}  ${message}`);
  return isHealthy ? 0 : 1;
}

function checkConfig(findings: Finding[]): ServerConfig | undefined {
  try {
    const config = loadConfig(process.env);
    findings.push({ check: 'config', ok: true, message: ['valid', ...config.notices].join('; ') });
    return config;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    findings.push({ check: 'config', ok: false, message: error.message });
    return undefined;
  }
}

function checkDisk({ dataDir }: ServerConfig, findings: Finding[]): void {
  let folder = resolve(dataDir);
  while (!existsSync(folder)) folder = dirname(folder);
  try {
    accessSync(folder, constants.W_OK);
  } catch {
    findings.push({ check: 'disk', ok: false, message: `${folder} can't be written by this user` });
    return;
  }
  const { bavail, bsize } = statfsSync(folder);
  const free = bavail * bsize;
  const message = `${(free / 1024 ** 3).toFixed(1)} GiB free for ${dataDir}`;
  const isLow = free < LOW_SPACE_BYTES;
  findings.push({ check: 'disk', ok: !isLow, message: isLow ? `${message}: less than 1 GiB` : message });
}

async function checkServer(client: Client, findings: Finding[]): Promise<void> {
  try {
    const health = await client.get('/healthz');
    const faults = isRecord(health) && Array.isArray(health.faults) ? health.faults.map(String) : [];
    const message = faults.length === 0 ? `${client.url} is well` : faults.join('; ');
    findings.push({ check: 'server', ok: faults.length === 0, message });
    await checkLedger(client, findings);
  } catch (error) {
    findings.push({ check: 'server', ok: false, message: messageOf(error) });
  }
}

async function checkLedger(client: Client, findings: Finding[]): Promise<void> {
  try {
    const ledger = await client.get('/v1/ledger');
    const totals = isRecord(ledger) && isRecord(ledger.totals) ? ledger.totals : {};
    const { missing, stored, dead } = totals;
    const message = `${String(stored)} stored, ${String(dead)} dead, ${String(missing)} missing`;
    findings.push({
      check: 'ledger',
      ok: missing === 0,
      message: missing === 0 ? message : `${message}: see \`tailrace ledger\``,
    });
  } catch (error) {
    findings.push({ check: 'ledger', ok: false, message: messageOf(error) });
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
