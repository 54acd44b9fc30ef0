/** `tailrace agent` as a process of its own: under kill -9, with real rotation, into a real server. */
import type { ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createTailrace, tailraceSink } from 'tailrace';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRotatedLog, type RotationMode } from './agent-rotation.ts';
import { endProcess, freePort, hasEnded, readLog, runSource, SERVER_ENTRY, waitFor } from './processes.ts';
import { createServerClient, type Ledger, type ServerClient } from './server-client.ts';

let folder: string;
let url: string;
let server: ChildProcess;
let client: ServerClient;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tailrace-agent-test-'));
  const port = await freePort();
  url = `http://127.0.0.1:${port}`;
  client = createServerClient(url);
  server = runSource(SERVER_ENTRY, ['server'], {
    logFile: join(folder, 'server.log'),
    env: { TAILRACE_PORT: String(port), TAILRACE_DATA_DIR: join(folder, 'server') },
  });
  await waitFor(
    'the server',
    async () => ((await client.isReady()) ? true : undefined),
    90_000,
    () => readLog(join(folder, 'server.log')),
  );
}, 120_000);

afterAll(async () => {
  if (server !== undefined) await endProcess(server, 'SIGKILL');
  await rm(folder, { recursive: true, force: true });
});

function runAgent(name: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): ChildProcess {
  return runSource(SERVER_ENTRY, ['agent', '--data-dir', join(folder, name, 'agent'), ...args], {
    logFile: join(folder, name, 'agent.log'),
    env: { TAILRACE_URL: url, ...env },
  });
}

/** The numbers that the store holds for a service, sorted: a double would be there twice. */
async function storedNumbers(service: string): Promise<number[]> {
  const events = await client.search(`service:${service}`, '-1h', 'now');
  return events.map(({ n }) => Number(n)).sort((a, b) => a - b);
}

async function waitForStored(service: string, count: number): Promise<void> {
  let seen: unknown;
  await waitFor(
    `${count} events of ${service}`,
    async () => {
      const { rows } = await client.query({
        where: `service:${service}`,
        from: '-1h',
        to: 'now',
        aggregates: [{ fn: 'count', as: 'count' }],
      });
      seen = rows[0]?.count;
      return Number(seen) >= count ? true : undefined;
    },
    150_000,
    () => `The store has ${String(seen)}. ${readLog(join(folder, service, 'agent.log')).slice(-3000)}`,
  );
}

async function accountsOf(service: string): Promise<Ledger['producers']> {
  return (await client.ledger()).producers.filter((producer) => producer.service === service);
}

/** Pseudo-random, so that a run can be repeated. */
function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return state / 0x7fffffff;
  };
}

describe.concurrent.each<RotationMode>(['rename', 'copytruncate'])('log files under rotation by %s', (mode) => {
  it('reach the server whole and once', () => followRotation(mode, 0), 300_000);
  it('reach the server whole and once, however often the agent is killed', () => followRotation(mode, 4), 300_000);
});

async function followRotation(mode: RotationMode, kills: number): Promise<void> {
  const service = `rotated_${mode}_${kills}`;
  const log = createRotatedLog(join(folder, service), mode);
  const random = createRandom(mode === 'rename' ? 7 : 11);
  const args = ['--file', log.path, '--service', service, '--poll-ms', '50'];
  let last = 0;
  let isOver = false;
  let isFollowed = false;
  const writing = (async () => {
    while (!isOver) {
      // Between the copy and the truncation of `copytruncate`, lines are lost by logrotate itself: nobody writes then.
      // What was rotated before the agent has looked at a path for the first time is none of its affair.
      if (isFollowed && random() < 0.15) await log.rotate();
      else last = log.write(1 + Math.floor(random() * 40));
      await sleep(30);
    }
  })();
  const follow = async () => {
    const started = runAgent(service, args);
    // It must have got to work, or a kill proves nothing.
    await waitFor(
      'the agent to read',
      () => (hasEnded(started) || readStatus(service)?.pid === started.pid ? true : undefined),
      60_000,
      () => readLog(join(folder, service, 'agent.log')),
    );
    expect(hasEnded(started), readLog(join(folder, service, 'agent.log'))).toBe(false);
    isFollowed = true;
    return started;
  };
  let agent = await follow();
  try {
    for (let kill = 0; kill < kills; kill += 1) {
      await sleep(random() * 1_500);
      await endProcess(agent, 'SIGKILL');
      // Away for a while: rotation goes on without it.
      await sleep(random() * 500);
      agent = await follow();
    }
    if (kills === 0) await sleep(6_000);
  } finally {
    isOver = true;
    await writing;
  }
  await waitForStored(service, last);
  await endProcess(agent, 'SIGTERM');
  expect(agent.exitCode).toBe(0);

  expect(againstAll(log.numbersOnDisk(), last)).toEqual({ missing: [], twice: [] });
  expect(againstAll(await storedNumbers(service), last)).toEqual({ missing: [], twice: [] });
  expect(log.rotations).toBeGreaterThan(5);
  const accounts = await waitFor('the ledger to settle', async () => {
    const found = await accountsOf(service);
    return found.every(({ inFlight }) => inFlight === 0) ? found : undefined;
  });
  expect(accounts.reduce((sum, { stored }) => sum + stored, 0)).toBe(last);
  expect(accounts.filter(({ missing, dead, dropped }) => missing + dead + dropped > 0)).toEqual([]);
}

/** What of 1 to `last` is not there once. */
function againstAll(numbers: readonly number[], last: number): { missing: number[]; twice: number[] } {
  const counts = new Map<number, number>();
  for (const n of numbers) counts.set(n, (counts.get(n) ?? 0) + 1);
  const all = Array.from({ length: last }, (_, i) => i + 1);
  return {
    missing: all.filter((n) => !counts.has(n)),
    twice: [...counts].flatMap(([n, count]) => (count > 1 || n < 1 || n > last ? [n] : [])),
  };
}

/** The status file says which process wrote it. */
function readStatus(name: string): { readonly pid: number } | undefined {
  try {
    return JSON.parse(readFileSync(join(folder, name, 'agent', 'status.json'), 'utf8'));
  } catch {
    return undefined;
  }
}

describe('tailrace agent --once', () => {
  it('reads what is there, delivers it and ends; the next run reads only what is new', async () => {
    const path = join(folder, 'once', 'logs', 'job.log');
    mkdirSync(join(path, '..'), { recursive: true });
    writeFileSync(path, '{"msg":"one","n":1}\n{"msg":"two","n":2}\n');
    const args = ['--file', path, '--service', 'once', '--once'];
    for (const round of [1, 2]) {
      const agent = runAgent('once', args);
      await waitFor('its end', () => (hasEnded(agent) ? true : undefined), 60_000);
      expect(agent.exitCode, readLog(join(folder, 'once', 'agent.log'))).toBe(0);
      if (round === 1) writeFileSync(path, '{"msg":"three","n":3}\n', { flag: 'a' });
    }
    await waitForStored('once', 3);
    expect(await storedNumbers('once')).toEqual([1, 2, 3]);
  }, 180_000);

  it('delivers the spools that dead processes left, and leaves those of the living alone', async () => {
    const dataDir = join(folder, 'shop-data');
    const unreachable = tailraceSink({ url: 'http://127.0.0.1:9' });
    // Its route has another name, or it would adopt the spool of the dead one itself.
    const living = createTailrace({
      service: 'alive',
      dataDir,
      handleExit: false,
      sampling: { normalRate: 1 },
      routes: [{ name: 'elsewhere', sinks: [unreachable] }],
    });
    living.log.info('mine', 'test', { n: 1 });
    const dead = createTailrace({
      service: 'left_behind',
      dataDir,
      handleExit: false,
      sampling: { normalRate: 1 },
      routes: [{ name: 'tailrace', sinks: [unreachable] }],
    });
    for (let n = 1; n <= 5; n += 1) dead.log.info('left', 'test', { n });
    // A spool that no delivery has begun with is anybody's: the living one would take it.
    const begun = join(dataDir, 'spool', dead.producer, 'cursors', 'tailrace.json');
    await waitFor('its delivery to begin', () => (existsSync(begun) ? true : undefined));
    await dead.close(0);
    const agent = runAgent('carrier', ['--spools', dataDir, '--to', url, '--once']);
    await waitFor('its end', () => (hasEnded(agent) ? true : undefined), 90_000);
    expect(agent.exitCode, readLog(join(folder, 'carrier', 'agent.log'))).toBe(0);
    await waitForStored('left_behind', 5);
    expect(await storedNumbers('left_behind')).toEqual([1, 2, 3, 4, 5]);
    expect(await storedNumbers('alive')).toEqual([]);
    expect(existsSync(join(dataDir, 'spool', living.producer))).toBe(true);
    await living.close(0);
  }, 180_000);
});

it('names all faults of its configuration at once', async () => {
  const config = join(folder, 'wrong.yaml');
  writeFileSync(
    config,
    'inputs:\n  - include: /x/*.log\n    formt: json\n  - include: /y\n    multiline: { start: "(a+)+b" }\npolMs: 3\nto: nowhere\n',
  );
  const agent = runAgent('wrong', ['--config', config]);
  await waitFor('its end', () => (hasEnded(agent) ? true : undefined), 60_000);
  expect(agent.exitCode).toBe(2);
  const said = readLog(join(folder, 'wrong', 'agent.log'));
  expect(said).toContain('inputs[0].formt is no setting');
  expect(said).toContain('Did you mean format?');
  expect(said).toContain('polMs is no setting');
  expect(said).toContain('Did you mean pollMs?');
  expect(said).toContain('inputs[1].multiline.start');
  expect(said).toContain('to is "nowhere"');
}, 90_000);
