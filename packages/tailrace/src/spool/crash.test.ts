import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { commandOf, runChild, runCommand } from '../../tests/spool/run-child.ts';
import { openSpool, openSpoolReader, registerCursors, type Spool, type SpoolReader, segmentPath } from './index.ts';
import { listSegmentsSync } from './segment.ts';

let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'tailrace-crash-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

async function readAll(reader: SpoolReader): Promise<{ lines: string[]; unreadable: string[] }> {
  const lines: string[] = [];
  const unreadable: string[] = [];
  for (;;) {
    const batch = await reader.read({ maxLines: 7, maxBytes: 2000 });
    if (batch === undefined) return { lines, unreadable };
    lines.push(...batch.lines.map(String));
    unreadable.push(...batch.unreadable.map((piece) => piece.reason));
  }
}

const numbersIn = (text: string) =>
  text
    // The last number may be torn: its process was killed.
    .slice(0, text.lastIndexOf('\n') + 1)
    .split('\n')
    .filter((number) => number !== '')
    .map(Number);

describe('a segment that a power cut left', () => {
  it('gives every whole line, at whatever byte it was cut, and reports the torn rest', async () => {
    const directory = join(root, 'p');
    const spool = openSpool({ directory });
    const lines = ['{"a":1}', '{"text":"결제 실패 💥"}', '{}', `{"pad":"${'x'.repeat(40)}"}`];
    for (const line of lines) spool.append(line, 0, false);
    spool.close();
    const path = segmentPath(directory, 1);
    const whole = readFileSync(path);
    for (let cut = whole.length; cut >= 0; cut -= 1) {
      for (const tail of [Buffer.alloc(0), Buffer.alloc(5)]) {
        writeFileSync(path, Buffer.concat([whole.subarray(0, cut), tail]));
        rmSync(join(directory, 'cursors'), { recursive: true, force: true });
        const reader = await openSpoolReader({ directory, cursor: 'a', isEnded: true });
        const expected = whole.subarray(0, cut).toString('utf8').split('\n').slice(0, -1);
        const isTorn = cut > 0 && whole[cut - 1] !== 10;
        const reason = tail.length > 0 ? ['nul_bytes'] : isTorn ? ['torn'] : [];
        expect(await readAll(reader), `cut at ${cut}`).toEqual({ lines: expected, unreadable: reason });
        await reader.close();
      }
    }
  });
});

type Step =
  | { readonly kind: 'write'; readonly sizes: readonly number[]; readonly isUrgent: boolean }
  | { readonly kind: 'seal' }
  | { readonly kind: 'writer dies' }
  | { readonly kind: 'power fails'; readonly keepShare: number; readonly nulBytes: number }
  | { readonly kind: 'read'; readonly reader: 0 | 1; readonly maxLines: number }
  | { readonly kind: 'commit'; readonly reader: 0 | 1 }
  | { readonly kind: 'persist'; readonly reader: 0 | 1 }
  | { readonly kind: 'reader dies'; readonly reader: 0 | 1 };

const reader = fc.constantFrom<0 | 1>(0, 1);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('write'),
      sizes: fc.array(fc.nat(120), { minLength: 1, maxLength: 8 }),
      isUrgent: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('seal') }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('writer dies') }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('power fails'),
      keepShare: fc.double({ min: 0, max: 1, noNaN: true }),
      nulBytes: fc.nat(20),
    }),
  },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('read'), reader, maxLines: fc.integer({ min: 1, max: 10 }) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('commit'), reader }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('persist'), reader }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('reader dies'), reader }) },
) as fc.Arbitrary<Step>;

/** The spool as it should be: what was written and not taken back by a power cut; and what each route has seen. */
class Model {
  readonly written = new Set<number>();
  readonly seen: [Set<number>, Set<number>] = [new Set(), new Set()];
  next = 1;
}

class World {
  readonly directory: string;
  readonly model = new Model();
  spool: Spool;
  readers: SpoolReader[] = [];
  /** What died here can't give back its files: the test does it at the end. */
  readonly dead: { close(): unknown }[] = [];
  lastRead: (Parameters<SpoolReader['commit']>[0] | undefined)[] = [undefined, undefined];

  constructor(directory: string) {
    this.directory = directory;
    this.spool = this.#openWriter();
  }

  #openWriter(): Spool {
    return openSpool({ directory: this.directory, segmentBytes: 400, fsync: 'off' });
  }

  async openReader(index: 0 | 1): Promise<void> {
    const old = this.readers[index];
    if (old !== undefined) this.dead.push(old);
    // An interval that never ends: the cursor file moves only with `persist`, so that a crash leaves it behind.
    this.readers[index] = await openSpoolReader({
      directory: this.directory,
      cursor: `r${index}`,
      cursorIntervalMs: 1e9,
    });
    this.lastRead[index] = undefined;
  }

  async take(step: Step): Promise<void> {
    const { model } = this;
    switch (step.kind) {
      case 'write':
        for (const size of step.sizes) {
          const n = model.next++;
          this.spool.append(JSON.stringify({ n, pad: '가'.repeat(size) }), n, step.isUrgent);
          model.written.add(n);
        }
        this.spool.flush();
        return;
      case 'seal':
        this.spool.seal();
        return;
      case 'writer dies':
        this.dead.push(this.spool);
        this.spool = this.#openWriter();
        return;
      case 'power fails':
        this.#cutLastSegment(step.keepShare, step.nulBytes);
        this.dead.push(this.spool);
        this.spool = this.#openWriter();
        for (const index of [0, 1] as const) await this.openReader(index);
        return;
      case 'read': {
        const batch = await this.readers[step.reader]?.read({ maxLines: step.maxLines, maxBytes: 600 });
        if (batch === undefined) return;
        for (const line of batch.lines) model.seen[step.reader].add(JSON.parse(line.toString()).n);
        this.lastRead[step.reader] = batch.to;
        return;
      }
      case 'commit': {
        const to = this.lastRead[step.reader];
        if (to !== undefined) await this.readers[step.reader]?.commit(to);
        return;
      }
      case 'persist':
        await this.readers[step.reader]?.persist();
        return;
      case 'reader dies':
        await this.openReader(step.reader);
        return;
    }
  }

  #cutLastSegment(keepShare: number, nulBytes: number): void {
    const last = listSegmentsSync(this.directory).at(-1);
    if (last === undefined) return;
    const path = segmentPath(this.directory, last.segment);
    const whole = readFileSync(path);
    const keep = Math.floor(keepShare * whole.length);
    const lineStart = keep === 0 ? 0 : whole.lastIndexOf(10, keep - 1) + 1;
    for (const line of whole.subarray(lineStart).toString('utf8').split('\n')) {
      const n = /^\{"n":(\d+)/.exec(line)?.[1];
      if (n !== undefined) this.model.written.delete(Number(n));
    }
    truncateSync(path, keep);
    writeFileSync(path, Buffer.concat([whole.subarray(0, keep), Buffer.alloc(nulBytes)]));
  }
}

describe('any history of writes, reads, commits and crashes', () => {
  it('shows each route every line that was written, and invents none', async () => {
    let run = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 60 }), async (steps) => {
        run += 1;
        const directory = join(root, `run-${run}`);
        const world = new World(directory);
        await registerCursors(directory, ['r0', 'r1']);
        await world.openReader(0);
        await world.openReader(1);
        for (const each of steps) await world.take(each);
        for (const index of [0, 1] as const) {
          const seen = world.model.seen[index];
          world.readers[index]?.rewind();
          for (const line of (await readAll(world.readers[index] as SpoolReader)).lines) seen.add(JSON.parse(line).n);
          expect([...world.model.written].filter((n) => !seen.has(n))).toEqual([]);
          expect([...seen].filter((n) => n >= world.model.next)).toEqual([]);
          await world.readers[index]?.close();
        }
        world.spool.close();
        for (const each of world.dead) await each.close();
        rmSync(directory, { recursive: true, force: true });
      }),
      { numRuns: 100 },
    );
  });
});

describe('kill -9', () => {
  it('of the producer loses no line whose write returned', async () => {
    const directory = join(root, 'p');
    const promised: number[] = [];
    for (let round = 0; round < 4; round += 1) {
      const first = promised.length === 0 ? 1 : Math.max(...promised) + 100_000;
      const child = runChild('append-until-killed.ts', [directory, '0', String(first)]);
      await once(child.process.stdout, 'data');
      await expect.poll(() => child.stdout().length, { timeout: 20_000 }).toBeGreaterThan(5_000 * (round + 1));
      child.process.kill('SIGKILL');
      await child.ended;
      promised.push(...numbersIn(child.stdout()));
      expect(child.stderr()).toBe('');
    }
    const reader = await openSpoolReader({ directory, cursor: 'a', isEnded: true });
    const { lines } = await readAll(reader);
    const numbers = lines.map((line) => JSON.parse(line).n);
    const found = new Set(numbers);
    expect(promised.filter((n) => !found.has(n))).toEqual([]);
    expect(numbers.length).toBe(found.size);
    await reader.close();
  });

  it('of a route loses no line and frees no segment that its cursor file has not passed', async () => {
    const directory = join(root, 'p');
    await registerCursors(directory, ['a']);
    const producer = runChild('append-until-killed.ts', [directory]);
    const seen = new Set<number>();
    let times = 0;
    for (let round = 0; round < 5; round += 1) {
      const child = runChild('read-until-killed.ts', [directory, 'a']);
      await once(child.process.stdout, 'data');
      await expect.poll(() => child.stdout().length, { timeout: 20_000 }).toBeGreaterThan(8_000);
      child.process.kill('SIGKILL');
      await child.ended;
      expect(child.stderr()).toBe('');
      for (const n of numbersIn(child.stdout())) {
        seen.add(n);
        times += 1;
      }
      const cursor = JSON.parse(readFileSync(join(directory, 'cursors', 'a.json'), 'utf8'));
      expect(listSegmentsSync(directory)[0]?.segment).toBeLessThanOrEqual(cursor.segment);
    }
    producer.process.kill('SIGKILL');
    await producer.ended;
    const reader = await openSpoolReader({ directory, cursor: 'a', isEnded: true });
    for (const line of (await readAll(reader)).lines) {
      seen.add(JSON.parse(line).n);
      times += 1;
    }
    await reader.close();
    const promised = numbersIn(producer.stdout());
    expect(promised.length).toBeGreaterThan(5_000);
    expect(promised.filter((n) => !seen.has(n))).toEqual([]);
    // The crashes did happen in the middle: some lines came twice.
    expect(times).toBeGreaterThan(seen.size);
    expect(listSegmentsSync(directory).length).toBeGreaterThan(0);
  });
});

describe('a file that may not grow (short writes, then EFBIG)', () => {
  it('is left for the next one without a torn or missing line', async () => {
    const directory = join(root, 'p');
    mkdirSync(directory);
    // Blocks of 1024 bytes: below the size at which the producer would begin a segment by itself.
    const command = [
      'bash',
      '-c',
      'ulimit -f 8; exec "$@"',
      'bash',
      ...commandOf('append-until-killed.ts', [directory, '2000']),
    ];
    const child = runCommand(command);
    await child.ended;
    expect(child.stderr()).toBe('');
    const reader = await openSpoolReader({ directory, cursor: 'a', isEnded: true });
    const { lines, unreadable } = await readAll(reader);
    expect(unreadable).toEqual([]);
    expect(lines.map((line) => JSON.parse(line).n)).toEqual(Array.from({ length: 2000 }, (_, i) => i + 1));
    expect(numbersIn(child.stdout())).toEqual(Array.from({ length: 2000 }, (_, i) => i + 1));
    await reader.close();
  });
});
