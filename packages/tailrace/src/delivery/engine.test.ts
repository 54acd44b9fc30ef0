import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { ListSpool } from '../../tests/delivery/list-spool.ts';
import { LEDGER_LINE_START } from '../ledger/ledger-line.ts';
import { createClock } from './clock.ts';
import { DeadLetterFiles, readDeadLetters } from './dead-letters.ts';
import { Engine } from './engine.ts';
import { ReportDesk } from './report-desk.ts';
import { Route } from './route.ts';
import type { Batch, Sink, SinkOutcome } from './sink.ts';
import type { DeliveryReport, RouteOptions } from './types.ts';

const clock = createClock(true);
const FAST = { retry: { initialMs: 1, maxMs: 5, attempts: 3 }, breaker: { failures: 4, openMs: 20 }, batchWaitMs: 0 };

let deadRoot: string;
let reports: DeliveryReport[];
let engine: Engine | undefined;

beforeEach(async () => {
  deadRoot = await mkdtemp(join(tmpdir(), 'tailrace-dead-'));
  reports = [];
});

afterEach(async () => {
  await engine?.close(0);
  engine = undefined;
  await rm(deadRoot, { recursive: true, force: true });
});

type Plan = Omit<RouteOptions, 'sinks'> & { readonly sinks: readonly Sink[] };

function deliver(spool: ListSpool, ...plans: readonly Plan[]): Engine {
  const desk = new ReportDesk((report) => reports.push(report), clock);
  const routes = plans.map(({ sinks, ...options }) => {
    const deadLetters = new DeadLetterFiles(deadRoot, options.name, () => {});
    return new Route({ ...FAST, ...options }, sinks, { clock, desk, deadLetters });
  });
  engine = new Engine({ routes, clock, desk, deadRoot });
  engine.add(spool);
  return engine;
}

function sinkOf(name: string, send: (batch: Batch, signal: AbortSignal) => SinkOutcome | Promise<SinkOutcome>): Sink {
  return { name, send: async (batch, signal) => send(batch, signal) };
}

/** A sink that takes everything, and what it took. */
function recordingSink(name: string, options: { readonly takesLedger?: boolean } = {}) {
  const lines: string[] = [];
  const sink: Sink = {
    name,
    ...options,
    send: (batch) => {
      lines.push(...batch.lines.map(String));
      return Promise.resolve({ kind: 'delivered' });
    },
  };
  return { sink, lines };
}

function event(sequence: number, fields: object = {}): string {
  return JSON.stringify({ schema: 'tailrace/event/v1', event_id: `producer1-${sequence}`, ...fields });
}

function events(count: number): string[] {
  return Array.from({ length: count }, (_, index) => event(index + 1));
}

async function deadLetters(route: string) {
  const letters: { reason: string; sink: string; line: string }[] = [];
  for await (const { reason, sink, line } of readDeadLetters(deadRoot, route)) {
    letters.push({ reason, sink, line: line.toString() });
  }
  return letters;
}

test('whatever a sink does, the cursor passes only what is delivered or dead, and in the end nothing is missing', async () => {
  const act = fc.constantFrom('deliver', 'retry', 'throw', 'refuse', 'mixed', 'later', 'nonsense');
  await fc.assert(
    fc.asyncProperty(fc.array(act, { maxLength: 60 }), fc.integer({ min: 1, max: 6 }), async (acts, concurrency) => {
      await rm(deadRoot, { recursive: true, force: true });
      const spool = new ListSpool();
      const lines = events(40);
      spool.append(...lines);
      const done = new Set<string>();
      const script = [...acts];
      const sink = sinkOf('fickle', async ({ lines: batch }) => {
        const texts = batch.map(String);
        const passed = lines.slice(0, spool.cursorOf('r'));
        for (const line of passed) expect(done.has(line)).toBe(true);
        const finish = (some: readonly string[]) => {
          for (const line of some) done.add(line);
        };
        switch (script.shift()) {
          case 'retry':
            return { kind: 'retry', reason: 'not now' };
          case 'throw':
            throw new Error('thrown on purpose');
          case 'nonsense':
            return JSON.parse('{"kind":"partial","retry":[99],"refused":[]}');
          case 'refuse':
            finish(texts);
            return { kind: 'refused', reason: 'never' };
          case 'mixed':
            finish(texts.filter((_, index) => index % 3 !== 1));
            return {
              kind: 'partial',
              refused: texts.flatMap((_, index) => (index % 3 === 0 ? [{ index, reason: 'odd' }] : [])),
              retry: texts.flatMap((_, index) => (index % 3 === 1 ? [index] : [])),
            };
          case 'later':
            await new Promise((resolve) => setTimeout(resolve, 3));
            finish(texts);
            return { kind: 'delivered' };
          default:
            finish(texts);
            return { kind: 'delivered' };
        }
      });
      const running = deliver(spool, { name: 'r', sinks: [sink], batchLines: 3, concurrency });
      expect(await running.flush(20_000)).toBe(true);
      const [stats] = await running.stats();
      await running.close(0);
      expect(spool.cursorOf('r')).toBe(40);
      expect(done.size).toBe(40);
      expect((stats?.deliveredLines ?? 0) + (stats?.deadLines ?? 0)).toBe(40);
      const dead = reports.flatMap((report) => (report.kind === 'dead' ? [report.count] : []));
      expect(dead.reduce((sum, count) => sum + count, 0)).toBe((await deadLetters('r')).length);
      reports.length = 0;
    }),
    { numRuns: 40 },
  );
});

test('a partly refused batch sends again only what was not taken', async () => {
  const spool = new ListSpool();
  spool.append(...events(4));
  const calls: string[][] = [];
  const sink = sinkOf('picky', ({ lines }) => {
    calls.push(lines.map(String));
    if (calls.length > 1) return { kind: 'delivered' };
    return { kind: 'partial', refused: [{ index: 1, reason: 'too odd' }], retry: [2], reason: 'busy' };
  });
  const running = deliver(spool, { name: 'r', sinks: [sink] });
  expect(await running.flush(10_000)).toBe(true);
  expect(calls).toEqual([events(4), [event(3)]]);
  expect(await deadLetters('r')).toEqual([{ reason: 'too odd', sink: 'picky', line: event(2) }]);
  expect(await running.stats()).toMatchObject([{ deliveredLines: 3, deadLines: 1, retries: 1 }]);
  expect(reports).toContainEqual({ kind: 'dead', route: 'r', producer: 'producer1', count: 1, sequences: [[2, 2]] });
});

test('a route goes on to its next sink, and comes back when the first one has recovered', async () => {
  const spool = new ListSpool();
  spool.append(event(1));
  let isDown = true;
  const primary = recordingSink('primary');
  const first = sinkOf('primary', (batch, signal) => {
    if (isDown) return { kind: 'retry', reason: 'down' };
    return primary.sink.send(batch, signal);
  });
  const fallback = recordingSink('fallback');
  const running = deliver(spool, { name: 'r', sinks: [first, fallback.sink] });
  expect(await running.flush(10_000)).toBe(true);
  expect(fallback.lines).toEqual([event(1)]);

  isDown = false;
  let sequence = 1;
  await vi.waitFor(
    async () => {
      sequence += 1;
      spool.append(event(sequence));
      running.wake();
      await running.flush(1000);
      expect(primary.lines.length).toBeGreaterThan(0);
    },
    { timeout: 20_000 },
  );
  const seen = fallback.lines.length;
  spool.append(event(1000));
  running.wake();
  expect(await running.flush(10_000)).toBe(true);
  expect(primary.lines).toContain(event(1000));
  expect(fallback.lines).toHaveLength(seen);
});

test('a batch that backs off goes at once when another one got through', async () => {
  const spool = new ListSpool();
  spool.append(event(1));
  const taken: string[] = [];
  let calls = 0;
  const sink = sinkOf('mended', ({ lines }) => {
    calls += 1;
    if (calls === 1) return { kind: 'retry', reason: 'down' };
    taken.push(...lines.map(String));
    return { kind: 'delivered' };
  });
  const days = 1_000_000_000;
  const running = deliver(spool, { name: 'r', sinks: [sink], retry: { initialMs: days, maxMs: days, attempts: 5 } });
  await vi.waitFor(() => expect(calls).toBe(1), { timeout: 20_000 });
  spool.append(event(2));
  running.wake();
  expect(await running.flush(10_000)).toBe(true);
  expect(taken).toEqual([event(2), event(1)]);
});

test('the last sink of a route is tried for ever, and the first again between', async () => {
  const spool = new ListSpool();
  spool.append(event(1));
  let calls = 0;
  const down = (name: string) =>
    sinkOf(name, () => {
      calls += 1;
      return { kind: 'retry', reason: 'down' };
    });
  let isSecondDown = true;
  const taken: string[] = [];
  const second = sinkOf('second', ({ lines }) => {
    calls += 1;
    if (isSecondDown) return { kind: 'retry', reason: 'down' };
    taken.push(...lines.map(String));
    return { kind: 'delivered' };
  });
  const running = deliver(spool, { name: 'r', sinks: [down('first'), second] });
  await vi.waitFor(() => expect(calls).toBeGreaterThan(25), { timeout: 10_000 });
  expect(spool.cursorOf('r')).toBe(0);
  isSecondDown = false;
  expect(await running.flush(10_000)).toBe(true);
  expect(taken).toEqual([event(1)]);
});

test('a sink that asks for a long pause is passed over meanwhile, one that asks for a short one is waited for', async () => {
  const spool = new ListSpool();
  spool.append(event(1));
  let calls = 0;
  const asking = (afterMs: number) =>
    sinkOf('asking', () => {
      calls += 1;
      return calls === 1 ? { kind: 'retry', reason: 'busy', afterMs } : { kind: 'delivered' };
    });
  const long = recordingSink('next');
  const running = deliver(spool, { name: 'long', sinks: [asking(60_000), long.sink] });
  expect(await running.flush(10_000)).toBe(true);
  expect(long.lines).toEqual([event(1)]);
  await running.close(0);

  calls = 0;
  const short = recordingSink('next');
  const again = deliver(spool, { name: 'short', sinks: [asking(4), short.sink] });
  expect(await again.flush(10_000)).toBe(true);
  expect(short.lines).toEqual([]);
  expect(calls).toBe(2);
});

test('sinks that hang, fail, throw or answer nonsense hold up nobody else', async () => {
  const spool = new ListSpool();
  const lines = events(500);
  spool.append(...lines);
  const fine = recordingSink('fine');
  let slow = 0;
  const running = deliver(
    spool,
    { name: 'hangs', sinks: [sinkOf('hangs', () => new Promise<never>(() => {}))], timeoutMs: 5, batchLines: 10 },
    { name: 'fails', sinks: [sinkOf('fails', () => ({ kind: 'retry', reason: '500' }))], batchLines: 10 },
    {
      name: 'throws',
      sinks: [
        sinkOf('throws', () => {
          throw new Error('thrown on purpose');
        }),
      ],
      batchLines: 10,
    },
    {
      name: 'slow',
      sinks: [
        sinkOf('slow', async ({ lines }) => {
          await new Promise((resolve) => setTimeout(resolve, 5));
          slow += lines.length;
          return { kind: 'delivered' };
        }),
      ],
      batchLines: 10,
    },
    { name: 'fine', sinks: [fine.sink], batchLines: 10 },
  );
  await vi.waitFor(() => expect(fine.lines).toHaveLength(500), { timeout: 10_000 });
  await vi.waitFor(() => expect(slow).toBe(500), { timeout: 10_000 });
  expect(fine.lines.toSorted()).toEqual(lines.toSorted());
  expect([...spool.cursors].map(([route]) => [route, spool.cursorOf(route)])).toEqual(
    expect.arrayContaining([
      ['hangs', 0],
      ['fails', 0],
      ['throws', 0],
    ]),
  );
  const failures = reports.filter((report) => report.kind === 'handler_error');
  expect(new Set(failures.map((report) => report.sink))).toEqual(new Set(['hangs', 'fails', 'throws']));
  expect(failures).toHaveLength(3);
  expect(failures.find((report) => report.sink === 'throws')).toMatchObject({
    error: { type: 'Error', message: 'thrown on purpose', stack: expect.stringContaining('engine.test.ts') },
    firstLine: event(1),
  });
  expect(await running.flush(10)).toBe(false);
});

test('a sink that never lets go of its batches gets no more of them after a while', async () => {
  const spool = new ListSpool();
  spool.append(...events(1000));
  let calls = 0;
  const sink = sinkOf('stuck', () => {
    calls += 1;
    return new Promise<never>(() => {});
  });
  const fallback = recordingSink('fallback');
  const running = deliver(spool, {
    name: 'r',
    sinks: [sink, fallback.sink],
    timeoutMs: 1,
    batchLines: 2,
    breaker: { failures: 2, openMs: 1 },
  });
  expect(await running.flush(20_000)).toBe(true);
  expect(calls).toBeLessThan(20);
  expect(fallback.lines).toHaveLength(1000);
});

test('ledger lines go only to sinks that take them, after every event before them', async () => {
  const ledger = (sequence: number) => `${LEDGER_LINE_START},"producer":"producer1","sequence":${sequence}}`;
  const spool = new ListSpool();
  for (let sequence = 1; sequence <= 60; sequence += 1) {
    spool.append(event(sequence));
    if (sequence % 7 === 0) spool.append(ledger(sequence));
  }
  const plain = recordingSink('plain');
  const finished = new Set<number>();
  const faults: string[] = [];
  let seen = 0;
  const server: Sink = {
    name: 'server',
    takesLedger: true,
    async send({ lines }) {
      const texts = lines.map(String);
      for (const text of texts) {
        const at = Number(/"sequence":(\d+)/.exec(text)?.[1] ?? 0);
        const inBatch = texts.slice(0, texts.indexOf(text)).map((line) => Number(/producer1-(\d+)/.exec(line)?.[1]));
        seen += at > 0 ? 1 : 0;
        for (let sequence = 1; sequence <= at; sequence += 1) {
          if (!finished.has(sequence) && !inBatch.includes(sequence)) faults.push(`${sequence} is missing at ${at}`);
        }
      }
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 4));
      for (const text of texts) finished.add(Number(/producer1-(\d+)/.exec(text)?.[1]));
      return { kind: 'delivered' };
    },
  };
  const running = deliver(
    spool,
    { name: 'server', sinks: [server], batchLines: 2 },
    { name: 'plain', sinks: [plain.sink], batchLines: 1 },
  );
  expect(await running.flush(10_000)).toBe(true);
  expect(faults).toEqual([]);
  expect(seen).toBe(8);
  expect(plain.lines).toHaveLength(60);
  expect(plain.lines.every((line) => !line.startsWith(LEDGER_LINE_START))).toBe(true);
});

test("an event about a sink's failure is kept from that sink, counted, and given to the others", async () => {
  const failure = event(2, { topic: 'logger.handler.error', 'handler.sink': 'server', 'handler.route': 'a' });
  const spool = new ListSpool();
  spool.append(event(1), failure, event(3));
  const server = recordingSink('server');
  const other = recordingSink('other');
  const running = deliver(spool, { name: 'a', sinks: [server.sink] }, { name: 'b', sinks: [other.sink] });
  expect(await running.flush(10_000)).toBe(true);
  expect(server.lines).toEqual([event(1), event(3)]);
  expect(other.lines).toEqual([event(1), failure, event(3)]);
  expect(await running.stats()).toMatchObject([{ route: 'a', deliveredLines: 2, skippedLines: 1 }, { route: 'b' }]);
  expect(reports).toEqual([
    { kind: 'skipped', route: 'a', sink: 'server', producer: 'producer1', count: 1, sequences: [[2, 2]] },
  ]);
});

test('lines that can not be read become dead letters, also such as are no text', async () => {
  const spool = new ListSpool();
  spool.append(event(1), '{"torn', event(3));
  spool.unreadable.add(1);
  const fine = recordingSink('fine');
  const running = deliver(spool, { name: 'r', sinks: [fine.sink] });
  expect(await running.flush(10_000)).toBe(true);
  expect(fine.lines).toEqual([event(1), event(3)]);
  expect(await deadLetters('r')).toEqual([{ reason: 'not_json', sink: 'spool', line: '{"torn' }]);
  expect(reports).toMatchObject([{ kind: 'dead', count: 1, producer: undefined, sequences: [] }]);

  const bytes = Buffer.from([0xff, 0x00, 0xfe]);
  await new DeadLetterFiles(deadRoot, 'bytes', () => {}).append('spool', [{ reason: 'nul_bytes', line: bytes }]);
  for await (const letter of readDeadLetters(deadRoot, 'bytes')) expect(letter.line).toEqual(bytes);
});

test('a replay sends dead letters again, and what is refused again is dead again', async () => {
  const spool = new ListSpool();
  spool.append(...events(10));
  let isMended = false;
  const taken: string[] = [];
  const sink = sinkOf('server', ({ lines }) => {
    const texts = lines.map(String);
    const refused = texts.flatMap((line, index) =>
      line === event(7) || !isMended ? [{ index, reason: 'schema' }] : [],
    );
    taken.push(...texts.filter((line) => isMended && line !== event(7)));
    return { kind: 'partial', refused, retry: [] };
  });
  const running = deliver(spool, { name: 'r', sinks: [sink], batchLines: 4 });
  expect(await running.flush(10_000)).toBe(true);
  expect(await deadLetters('r')).toHaveLength(10);
  reports.length = 0;

  isMended = true;
  expect(await running.replayDeadLetters('r', 10_000)).toEqual({ replayed: 10, deadAgain: 1, isComplete: true });
  expect(taken.toSorted()).toEqual(
    events(10)
      .filter((line) => line !== event(7))
      .toSorted(),
  );
  expect(await deadLetters('r')).toEqual([{ reason: 'schema', sink: 'server', line: event(7) }]);
  expect(reports).toEqual([]);
  expect(await running.replayDeadLetters('r', 10_000)).toMatchObject({ replayed: 1, deadAgain: 1 });
  const { value: letter } = await readDeadLetters(deadRoot, 'r').next();
  expect(letter).toMatchObject({ id: 'producer1-7', source: 'spool', route: 'r', rounds: 2, attempts: 3 });
  expect(Date.parse(letter?.lastAt ?? '')).toBeGreaterThanOrEqual(Date.parse(letter?.at ?? ''));
  await expect(running.replayDeadLetters('other', 1000)).rejects.toThrow('no route "other"');
});

test('dead letters stay within their bound: the oldest go, and that is told', async () => {
  const lost: number[] = [];
  const files = new DeadLetterFiles(deadRoot, 'r', (count) => lost.push(count), { maxBytes: 2000, fileBytes: 500 });
  for (let sequence = 1; sequence <= 50; sequence += 1) {
    await files.append('server', [{ reason: 'x', line: Buffer.from(event(sequence)) }]);
  }
  const kept = await deadLetters('r');
  expect(kept.at(-1)?.line).toBe(event(50));
  expect(kept.length + lost.reduce((sum, count) => sum + count, 0)).toBe(50);
  expect(kept.length).toBeLessThan(20);
});

test('no more lines go out in a second than the route allows', async () => {
  const spool = new ListSpool();
  spool.append(...events(10));
  const waits: number[] = [];
  const started = clock.now();
  const sink = sinkOf('limited', () => {
    waits.push(clock.now() - started);
    return { kind: 'delivered' };
  });
  const running = deliver(spool, { name: 'r', sinks: [sink], batchLines: 1, maxLinesPerSecond: 200 });
  expect(await running.flush(10_000)).toBe(true);
  expect(waits.at(-1)).toBeGreaterThanOrEqual(44);
});

test('closing in the middle leaves what is under way in the spool', async () => {
  const spool = new ListSpool();
  spool.append(...events(30));
  const aborted: boolean[] = [];
  const sink = sinkOf('hangs', ({ lines }, signal) => {
    if (lines.some((line) => String(line) === event(1))) return { kind: 'delivered' };
    return new Promise((resolve) => {
      signal.addEventListener('abort', () => {
        aborted.push(true);
        resolve({ kind: 'delivered' });
      });
    });
  });
  const running = deliver(spool, { name: 'r', sinks: [sink], batchLines: 10 });
  await vi.waitFor(() => expect(spool.cursorOf('r')).toBe(10));
  await running.close(20);
  expect(aborted).toEqual([true, true]);
  expect(spool.cursorOf('r')).toBe(10);
});
