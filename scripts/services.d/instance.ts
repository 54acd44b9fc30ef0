/**
 * A running server of a service. The shared instance of each lives in `.services/<name>` and is started, found and ended
 * by any process; a private one belongs to the process that made it. Its folder holds:
 *
 *   data/           what outlives stop and kill
 *   log             stdout and stderr since the last start
 *   instance.json   process id with its start time, and the ports
 */
import { readFileSync } from 'node:fs';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isPortTaken } from './asking.ts';
import { endProcess, isRunning, type ProcessIdentity, startProcess } from './processes.ts';
import type { Service } from './service.ts';
import { SERVICES_FOLDER } from './software.ts';
import { inTurn } from './turn.ts';

const READY_WITHIN_MS = 90_000;
const TURN_WITHIN_MS = 180_000;

export interface Instance {
  readonly service: Service;
  readonly folder: string;
  readonly dataFolder: string;
  readonly port: number;
  readonly innerPorts: readonly number[];
  readonly endsWithParent: boolean;
}

interface Running extends ProcessIdentity {
  readonly port: number;
}

/** The one instance that all share. */
export function sharedInstance(service: Service): Instance {
  const folder = join(SERVICES_FOLDER, service.name);
  const port = sharedPort(service);
  const innerPorts = Array.from({ length: service.innerPorts ?? 0 }, (_, index) => port + 1 + index);
  return { service, folder, dataFolder: join(folder, 'data'), port, innerPorts, endsWithParent: false };
}

/** @throws Error when `SERVICES_<NAME>_PORT` isn't a port. */
function sharedPort(service: Service): number {
  const variable = `SERVICES_${service.name.toUpperCase()}_PORT`;
  const text = process.env[variable];
  if (text === undefined || text === '') return service.defaultPort;
  const port = Number(text);
  if (!Number.isInteger(port) || port < 1 || port > 65_535) throw new Error(`${variable}=${text} is not a port`);
  return port;
}

/** The process of the instance, if it runs. */
export function runningProcess(instance: Instance): ProcessIdentity | undefined {
  const recorded = readRecord(instance);
  return recorded !== undefined && isRunning(recorded) ? recorded : undefined;
}

/**
 * Starts the instance if it doesn't run, and returns when it is ready. Several processes may ask at once.
 *
 * @throws Error with the end of its log, when it doesn't get ready.
 */
export function startInstance(instance: Instance): Promise<void> {
  return inTurn(instance.folder, TURN_WITHIN_MS, async () => {
    const recorded = readRecord(instance);
    if (recorded !== undefined && isRunning(recorded)) {
      if (recorded.port !== instance.port)
        throw new Error(`${instance.service.name} runs on port ${recorded.port}, not ${instance.port}: stop it first`);
      return await untilReady(instance, recorded);
    }
    // Killed from outside, its last thread may still hold the ports.
    if (recorded !== undefined) await endProcess(recorded, 'SIGKILL');
    for (const port of [instance.port, ...instance.innerPorts])
      if (await isPortTaken(port)) throw new Error(`${instance.service.name}: another process listens on port ${port}`);
    await mkdir(instance.dataFolder, { recursive: true });
    const command = await instance.service.prepare(instance);
    const identity = await startProcess(command, { ...instance, logFile: logFile(instance) });
    await writeRecord(instance, { ...identity, port: instance.port });
    await untilReady(instance, identity);
  });
}

/** Ends the instance: SIGTERM lets it close in order, SIGKILL is a crash. Its data stays. */
export function endInstance(instance: Instance, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  return inTurn(instance.folder, TURN_WITHIN_MS, async () => {
    const recorded = readRecord(instance);
    if (recorded !== undefined) await endProcess(recorded, signal);
    await rm(recordFile(instance), { force: true });
  });
}

async function untilReady(instance: Instance, identity: ProcessIdentity): Promise<void> {
  const deadline = Date.now() + READY_WITHIN_MS;
  while (!(await instance.service.isReady(instance.port))) {
    if (!isRunning(identity)) throw new Error(await failure(instance, 'ended while it started'));
    if (Date.now() > deadline) throw new Error(await failure(instance, `is not ready after ${READY_WITHIN_MS} ms`));
    await sleep(50);
  }
}

async function failure(instance: Instance, what: string): Promise<string> {
  const log = await readFile(logFile(instance), 'utf8').catch(() => '');
  const tail = log.trimEnd().split('\n').slice(-20).join('\n');
  return `${instance.service.name} ${what}. The end of ${logFile(instance)}:\n${tail}`;
}

function logFile(instance: Instance): string {
  return join(instance.folder, 'log');
}

function recordFile(instance: Instance): string {
  return join(instance.folder, 'instance.json');
}

async function writeRecord(instance: Instance, running: Running): Promise<void> {
  const unfinished = `${recordFile(instance)}.unfinished`;
  await writeFile(unfinished, `${JSON.stringify(running)}\n`);
  await rename(unfinished, recordFile(instance));
}

function readRecord(instance: Instance): Running | undefined {
  let text: string;
  try {
    text = readFileSync(recordFile(instance), 'utf8');
  } catch {
    return undefined;
  }
  const record: unknown = JSON.parse(text);
  if (typeof record !== 'object' || record === null) return undefined;
  if (!('pid' in record && 'born' in record && 'port' in record)) return undefined;
  const { pid, born, port } = record;
  if (typeof pid !== 'number' || typeof born !== 'string' || typeof port !== 'number') return undefined;
  return { pid, born, port };
}
