import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { SOURCE_ARGS } from '../../../../tests/processes.ts';
import { answer, type RecordingServer, startRecordingServer } from '../../tests/delivery/recording-server.ts';
import { tailraceSink } from '../sinks/specs.ts';
import { claimSpool, openSpool } from '../spool/index.ts';
import { startDelivery } from './delivery.ts';
import type { Delivery, DeliveryReport, SinkSpec } from './types.ts';

// Processes are started here, on a machine that may have more to do.
vi.setConfig({ testTimeout: 120_000 });

const PRODUCER_FILE = fileURLToPath(new URL('../../tests/delivery/producer.ts', import.meta.url));

let folder: string;
let server: RecordingServer;
let reports: DeliveryReport[];
const deliveries: Delivery[] = [];
const children: ChildProcess[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tailrace-crash-'));
  server = await startRecordingServer();
  reports = [];
});

afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  for (const delivery of deliveries.splice(0)) await delivery.close(0);
  await server.close();
  await rm(folder, { recursive: true, force: true });
});

interface Producer {
  readonly child: ChildProcess;
  readonly exited: Promise<number | null>;
  /** The last sequence number whose append had returned. */
  safe(): number;
  errors(): string;
}

function startProducer(name: string, ...more: readonly string[]): Producer {
  const args = [...SOURCE_ARGS, PRODUCER_FILE, folder, name, server.url, ...more];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  children.push(child);
  let output = '';
  let errors = '';
  child.stdout.on('data', (chunk) => {
    output += chunk;
  });
  child.stderr.on('data', (chunk) => {
    errors += chunk;
  });
  const exited = new Promise<number | null>((resolve) => child.on('close', resolve));
  return { child, exited, safe: () => Number(output.split('\n').at(-2) ?? 0), errors: () => errors };
}

function startSuccessor(
  sinks: readonly SinkSpec[] = [tailraceSink({ url: server.url })],
  route = 'tailrace',
): Delivery {
  const directory = join(folder, 'spool', 'successor0');
  claimSpool(directory);
  openSpool({ directory });
  const delivery = startDelivery({
    spoolRoot: join(folder, 'spool'),
    directory,
    routes: [{ name: route, sinks }],
    onReport: (report) => reports.push(report),
  });
  deliveries.push(delivery);
  return delivery;
}

function sequencesOf(producer: string): number[] {
  // A line of the ledger has no such id.
  const ids = server.lines.map((line): string => JSON.parse(line).event_id ?? '');
  return ids.filter((id) => id.startsWith(`${producer}-`)).map((id) => Number(id.slice(producer.length + 1)));
}

function expectAllFrom(producer: string, safe: number): void {
  const sequences = new Set(sequencesOf(producer));
  const missing = Array.from({ length: safe }, (_, index) => index + 1).filter((sequence) => !sequences.has(sequence));
  expect(missing).toEqual([]);
}

test('what processes wrote that were killed in full traffic is delivered by the next one, and their spools are removed', async () => {
  const producers = ['producer1', 'producer2', 'producer3'];
  const safe = new Map<string, number>();
  for (const name of producers) {
    const producer = startProducer(name);
    await vi.waitFor(() => expect(sequencesOf(name).length).toBeGreaterThan(200), { timeout: 60_000 });
    server.behave = () => {};
    const seen = producer.safe();
    await vi.waitFor(() => expect(producer.safe()).toBeGreaterThan(seen + 200), { timeout: 60_000 });
    producer.child.kill('SIGKILL');
    await producer.exited;
    safe.set(name, producer.safe());
    server.behave = (lines, response) => server.accept(lines, response);
  }
  startSuccessor();
  for (const [name, last] of safe) {
    expect(last).toBeGreaterThan(400);
    await vi.waitFor(() => expectAllFrom(name, last), { timeout: 60_000, interval: 100 });
  }
  await vi.waitFor(async () => expect(await readdir(join(folder, 'spool'))).toEqual(['successor0']), {
    timeout: 10_000,
  });
  expect(reports.filter((report) => report.kind === 'notice')).toEqual([]);
  for (const name of producers) {
    const amendments = server.lines.filter((line) => line.includes(`"producer":"${name}","amends":true`));
    expect(amendments).toHaveLength(1);
  }
});

test('what a killed process had passed over is dropped for its successor too, and not missing', async () => {
  const directory = join(folder, 'spool', 'producer1');
  const spool = openSpool({ directory });
  const failure = { topic: 'logger.handler.error', 'handler.sink': 'server', 'handler.route': 'r' };
  for (const n of [1, 2, 3])
    spool.append(JSON.stringify({ event_id: `producer1-${n}`, ...(n === 2 && failure) }), n, false);
  spool.close();
  const sinks: SinkSpec[] = [tailraceSink({ url: server.url, name: 'server' })];
  const first = startDelivery({
    spoolRoot: join(folder, 'spool'),
    directory,
    routes: [{ name: 'r', sinks }],
    onReport: () => {},
  });
  expect(await first.flush(30_000)).toBe(true);
  // It has told nobody: as if it were killed in this moment.
  await first.close(1_000);
  expect(sequencesOf('producer1')).toEqual([1, 3]);
  startSuccessor(sinks, 'r');
  const amendment = await vi.waitFor(
    () => {
      const line = server.lines.find((one) => one.includes('"amends":true'));
      expect(line).toBeDefined();
      return line ?? '';
    },
    { timeout: 60_000 },
  );
  expect(JSON.parse(amendment)).toMatchObject({
    producer: 'producer1',
    dropped: { own_failure: { count: 1, sequences: [[2, 2]] } },
  });
  await vi.waitFor(async () => expect(await readdir(join(folder, 'spool'))).toEqual(['successor0']), {
    timeout: 10_000,
  });
});

test('the worker keeps no process alive, and what it had not delivered is left to the next one', async () => {
  server.behave = () => {};
  const producer = startProducer('producer1', '20', '100');
  expect(await producer.exited).toBe(0);
  expect(producer.safe()).toBe(100);
  server.behave = (lines, response) => server.accept(lines, response);
  startSuccessor();
  await vi.waitFor(() => expectAllFrom('producer1', 100), { timeout: 60_000, interval: 100 });
});

test('a spool with lines for a route that is not here is left as it is, and that is told', async () => {
  server.behave = () => {};
  const producer = startProducer('producer1');
  await vi.waitFor(() => expect(server.requests.length).toBeGreaterThan(0), { timeout: 60_000 });
  producer.child.kill('SIGKILL');
  await producer.exited;
  startSuccessor([tailraceSink({ url: server.url })], 'other');
  await vi.waitFor(
    () => expect(reports).toContainEqual(expect.objectContaining({ kind: 'notice', code: 'spool_left' })),
    { timeout: 60_000 },
  );
  expect(await readdir(join(folder, 'spool'))).toContain('producer1');
});

test('a worker that dies is started again, with the spools that it had adopted, and nothing is lost', async () => {
  server.behave = () => {};
  await startProducer('producer1', '20', '100').exited;
  const deadly = join(folder, 'deadly-sink.mjs');
  // It kills its thread at the third batch of each life, for two lives, once it has sent what it got.
  await writeFile(
    deadly,
    `import { appendFileSync, readFileSync } from 'node:fs';
    export function createSink({ url, deaths }) {
      let batches = 0;
      return { name: 'deadly', async send({ body, lines }) {
        await fetch(url + '/v1/events', { method: 'POST', body });
        batches += 1;
        appendFileSync(deaths, '');
        if (batches === 3 && readFileSync(deaths, 'utf8').length < 2) { appendFileSync(deaths, 'x'); process.exit(1); }
        return { kind: 'delivered' };
      } };
    }`,
  );
  server.behave = (lines, response) => {
    server.lines.push(...lines);
    answer(response, 200, '');
  };
  const directory = join(folder, 'spool', 'producer9');
  claimSpool(directory);
  const spool = openSpool({ directory });
  const delivery = startDelivery({
    spoolRoot: join(folder, 'spool'),
    directory,
    routes: [
      {
        name: 'tailrace',
        batchLines: 10,
        sinks: [
          {
            kind: 'module',
            name: 'deadly',
            module: pathToFileURL(deadly).href,
            options: { url: server.url, deaths: join(folder, 'deaths') },
          },
        ],
      },
    ],
    onReport: (report) => reports.push(report),
  });
  deliveries.push(delivery);
  for (let sequence = 1; sequence <= 100; sequence += 1) {
    spool.append(JSON.stringify({ event_id: `producer9-${sequence}` }), sequence, false);
  }
  spool.flush();
  delivery.wake();
  expect(await delivery.flush(25_000)).toBe(true);
  expectAllFrom('producer9', 100);
  await vi.waitFor(() => expectAllFrom('producer1', 100), { timeout: 60_000, interval: 100 });
  const deaths = reports.filter((report) => report.kind === 'notice' && report.code === 'delivery_worker_died');
  expect(deaths).toHaveLength(2);
  spool.close();
});
