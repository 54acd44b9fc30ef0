import {
  appendFileSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { type BenchSettings, openBench, type ShipperBench } from './testing/shipper-bench.ts';

let bench: ShipperBench | undefined;

afterEach(async () => {
  await bench?.end();
  bench = undefined;
});

async function start(config: Readonly<Record<string, unknown>> = {}, more: Omit<BenchSettings, 'config'> = {}) {
  const opened = await openBench({ config: { format: 'json', ...config }, ...more });
  bench = opened;
  mkdirSync(join(opened.folder, 'logs'), { recursive: true });
  const log = (name: string) => join(opened.folder, 'logs', name);
  let last = 0;
  const write = (count: number, name = 'app.log') => {
    let text = '';
    for (let i = 0; i < count; i += 1) {
      last += 1;
      text += `{"msg":"line","n":${last},"time":"2026-11-21T09:00:00.${String(last % 1000).padStart(3, '0')}Z"}\n`;
    }
    appendFileSync(log(name), text);
  };
  const numbers = async () => (await opened.events()).map(({ n }) => Number(n)).sort((a, b) => a - b);
  const expectAll = async () => expect(await numbers()).toEqual(Array.from({ length: last }, (_, i) => i + 1));
  /** What `logrotate` does with `compress`: every rotated file moves on, the first is compressed. */
  const rotate = (mode: 'rename' | 'copytruncate' = 'rename', gzip = true) => {
    if (!statSync(log('app.log'), { throwIfNoEntry: false })) return;
    for (let i = 60; i >= 1; i -= 1) {
      for (const end of ['', '.gz']) {
        if (statSync(log(`app.log.${i}${end}`), { throwIfNoEntry: false }))
          renameSync(log(`app.log.${i}${end}`), log(`app.log.${i + 1}${end}`));
      }
    }
    if (mode === 'rename') renameSync(log('app.log'), log('app.log.1'));
    else {
      copyFileSync(log('app.log'), log('app.log.1'));
      truncateSync(log('app.log'));
    }
    if (gzip) compress(log('app.log.1'));
  };
  return { ...opened, bench: opened, log, write, numbers, expectAll, rotate };
}

function compress(path: string): void {
  const { atime, mtime } = statSync(path);
  writeFileSync(`${path}.gz`, gzipSync(readFileSync(path)));
  utimesSync(`${path}.gz`, atime, mtime);
  rmSync(path);
}

describe('a file that grows', () => {
  it('becomes events, each with its place, numbered without gaps', async () => {
    const { bench, write, expectAll, log } = await start({ service: 'shop', fields: { team: 'web' } });
    write(3);
    await bench.settle();
    write(2);
    await bench.settle();
    await expectAll();
    const events = await bench.events();
    expect(events.map(({ event_id }) => String(event_id).split('-')[1])).toEqual(['1', '2', '3', '4', '5']);
    expect(events[1]).toMatchObject({
      service: 'shop',
      team: 'web',
      host: 'web1',
      message: 'line',
      'log.file.path': log('app.log'),
      'log.file.offset': events[0]?.['log.file.bytes'],
      'sampling.rate': 1,
    });
  });

  it('keeps a last line that has no end yet, and tells it when nothing more comes', async () => {
    const { bench, log } = await start({ format: 'text' });
    writeFileSync(log('app.log'), 'first\nsec');
    await bench.settle();
    appendFileSync(log('app.log'), 'ond\nthi');
    await bench.settle(1_500);
    expect((await bench.events()).map(({ message }) => message)).toEqual(['first']);
    await bench.settle(6_000);
    const [, second, third] = await bench.events();
    expect(second).toMatchObject({ message: 'second' });
    expect(third).toMatchObject({ message: 'thi', 'log.partial': true });
  });

  it('is read on where the last process was killed, without its state being written down', async () => {
    const { bench, write, expectAll } = await start();
    for (let round = 0; round < 5; round += 1) {
      write(50);
      await bench.settle();
      await bench.drop();
      write(7);
      await bench.open();
    }
    await bench.settle();
    await expectAll();
  });

  it('has its own ledger, which adds up also over a kill and with sampling', async () => {
    const { bench, write } = await start({}, { normalRate: 0 });
    write(40);
    appendFileSync(join(bench.folder, 'logs', 'app.log'), '{"level":50,"msg":"failed","status":200}\n');
    await bench.settle(2_000);
    await bench.drop();
    await bench.open();
    write(10);
    await bench.settle(2_000);
    await bench.close();
    const ledgers = (await bench.lines()).filter(({ schema }) => schema === 'tailrace/ledger/v1');
    const last = ledgers.at(-1);
    expect(last).toMatchObject({
      emitted: 51,
      sequence: 51,
      kept: { LOG_LINE: 50, HAS_ERROR: 1 },
      source: join(bench.folder, 'logs', 'app.log'),
    });
  });
});

describe('events that Tailrace wrote itself', () => {
  it('keep their ids, apart from the account of the file, also over kills', async () => {
    const { bench, write, log } = await start();
    let passed = 0;
    const writeOwn = (count: number) => {
      for (let i = 0; i < count; i += 1) {
        passed += 1;
        const event = {
          schema: 'tailrace/event/v1',
          event_id: `0mb1x9k3fqz7a-${passed}`,
          timestamp: '2026-11-21T09:00:00.000Z',
          level: 'info',
          message: 'paid',
          service: 'payments',
          'sampling.rule': 'SAMPLED_NORMAL',
          'sampling.rate': 0.1,
        };
        appendFileSync(log('app.log'), `${JSON.stringify(event)}\n`);
      }
    };
    for (let round = 0; round < 4; round += 1) {
      writeOwn(600);
      write(5);
      writeOwn(1);
      await bench.settle();
      await bench.drop();
      writeOwn(2);
      write(1);
      await bench.open();
    }
    await bench.settle(2_000);
    await bench.close();
    const lines = await bench.lines();
    const ids = lines.flatMap(({ event_id }) => (event_id === undefined ? [] : [String(event_id)]));
    const ofTailrace = ids.filter((id) => id.startsWith('0mb1x9k3fqz7a-'));
    expect(ofTailrace).toEqual(Array.from({ length: passed }, (_, i) => `0mb1x9k3fqz7a-${i + 1}`));
    const others = ids.filter((id) => !id.startsWith('0mb1x9k3fqz7a-')).map((id) => Number(id.split('-')[1]));
    expect(others).toEqual(Array.from({ length: 24 }, (_, i) => i + 1));
    const account = lines.findLast(({ schema }) => schema === 'tailrace/ledger/v1');
    expect(account).toMatchObject({ emitted: 24, sequence: 24, passed_on: passed, dropped: {}, dead: {} });
  });
});

describe('rotation by renaming', () => {
  it.each([true, false])('while the agent looks (compressed: %s)', async (gzip) => {
    const { bench, write, rotate, expectAll } = await start();
    for (let round = 0; round < 6; round += 1) {
      write(20);
      await bench.settle();
      write(5);
      rotate('rename', gzip);
      if (round % 2 === 0) write(3);
      await bench.settle(3_000);
    }
    await bench.settle(100_000);
    await expectAll();
    expect(bench.notices).toEqual([]);
  });

  it.each([true, false])('several times while the agent is away (compressed: %s)', async (gzip) => {
    const { bench, write, rotate, expectAll } = await start();
    write(20);
    await bench.settle();
    for (let round = 0; round < 3; round += 1) {
      await bench.drop();
      write(5);
      rotate('rename', gzip);
      write(30);
      rotate('rename', gzip);
      write(4);
      await bench.open();
      await bench.settle(3_000);
    }
    await bench.settle(100_000);
    await expectAll();
  });

  it('reads a rotated file that is written to for a while', async () => {
    const { bench, write, rotate, expectAll } = await start();
    write(5);
    await bench.settle();
    rotate('rename', false);
    write(2, 'app.log.1');
    write(2);
    await bench.settle(70_000);
    write(2, 'app.log.1');
    await bench.settle(3_000);
    await expectAll();
  });
});

describe('rotation by copying and truncating', () => {
  it('reads what was left in the copy, and goes on in the file', async () => {
    const { bench, write, rotate, expectAll } = await start();
    for (let round = 0; round < 5; round += 1) {
      write(20);
      await bench.settle();
      write(6);
      rotate('copytruncate', round % 2 === 0);
      write(3);
      await bench.settle(3_000);
    }
    await bench.settle(100_000);
    await expectAll();
  });

  it('sees a file that has grown again beyond its old place', async () => {
    const { bench, write, rotate, expectAll } = await start();
    write(20);
    await bench.settle();
    rotate('copytruncate', false);
    write(100);
    await bench.settle(3_000);
    await expectAll();
  });

  it('is not fooled by names: the copies are named by the globs too', async () => {
    const folder = (await start()).bench.folder;
    await bench?.end();
    const wide = await start({ include: join(folder, 'logs', 'app.log*') }, { folder });
    for (let round = 0; round < 4; round += 1) {
      wide.write(20);
      await wide.bench.settle();
      wide.write(2);
      wide.rotate(round % 2 === 0 ? 'copytruncate' : 'rename', round > 1);
      wide.write(3);
      await wide.bench.settle(3_000);
    }
    await wide.bench.settle(3_000);
    await wide.bench.settle(100_000);
    await wide.expectAll();
  });
});

describe('any order of writing, rotating, reading and dying', () => {
  const step = fc.constantFrom('write', 'write', 'write', 'turn', 'turn', 'rename', 'copy', 'die', 'pass');

  it('loses nothing and tells nothing twice', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 5, maxLength: 40 }),
        fc.boolean(),
        fc.boolean(),
        async (steps, gzip, isWide) => {
          const folder = mkdtempSync(join(tmpdir(), 'tailrace-agent-'));
          const { bench, write, rotate, expectAll } = await start(
            isWide ? { include: join(folder, 'logs', 'app.log*') } : {},
            { folder },
          );
          try {
            write(1);
            await bench.settle();
            for (const one of steps) {
              if (one === 'write') write(3);
              if (one === 'turn') await bench.settle();
              if (one === 'rename' || one === 'copy') rotate(one === 'rename' ? 'rename' : 'copytruncate', gzip);
              if (one === 'pass') await bench.settle(3_000);
              if (one === 'die') {
                await bench.drop();
                await bench.open();
              }
            }
            for (let i = 0; i < 3; i += 1) await bench.settle(3_000);
            await expectAll();
          } finally {
            await bench.end();
          }
        },
      ),
      { numRuns: 25 },
    );
  }, 120_000);
});

describe('what can go wrong', () => {
  it('a new file on an old inode is a new file', async () => {
    const { bench, write, log, expectAll } = await start();
    write(10);
    await bench.settle();
    await bench.drop();
    const { ino } = statSync(log('app.log'));
    // The same inode for sure: what stands in it is what tells.
    truncateSync(log('app.log'));
    write(30);
    expect(statSync(log('app.log')).ino).toBe(ino);
    await bench.open();
    await bench.settle();
    await expectAll();
    expect(new Set((await bench.events()).map(({ event_id }) => String(event_id).split('-')[0])).size).toBe(2);
  });

  it('a file that is removed before it is read is told with what is missing', async () => {
    const { bench, write, log } = await start();
    write(10);
    await bench.settle();
    await bench.drop();
    rmSync(log('app.log'));
    await bench.open();
    await bench.settle(3_000);
    await bench.settle(100_000);
    expect(bench.notices).toEqual([]);
    expect([...bench.registry.files].map(({ state }) => state)).toEqual(['done']);
  });

  it('a spool that is full stops the reading, and loses nothing', async () => {
    const { bench, write, expectAll } = await start({}, { maxSpoolBytes: 200_000 });
    write(2_000);
    await bench.settle();
    expect(bench.spool.isFull).toBe(true);
    const before = await bench.events();
    expect(before.length).toBeLessThan(2_000);
    await bench.drop();
    // More room, as delivery makes it.
    const wide = await openBench({ config: { format: 'json' }, folder: bench.folder });
    await wide.settle();
    expect((await wide.events()).length).toBe(2_000);
    await wide.close();
    await expectAll();
  });

  it('reads many files with a few descriptors', async () => {
    const { bench, log } = await start();
    for (let i = 0; i < 400; i += 1) writeFileSync(log(`many-x${i}.log`), `{"msg":"line","n":${i + 1}}\n`);
    await bench.settle();
    for (let i = 0; i < 400; i += 1) appendFileSync(log(`many-x${i}.log`), `{"msg":"line","n":${i + 401}}\n`);
    await bench.settle();
    const numbers = (await bench.events()).map(({ n }) => Number(n)).sort((a, b) => a - b);
    expect(numbers).toEqual(Array.from({ length: 800 }, (_, i) => i + 1));
  });

  it.each([
    ['is touched', false],
    ['is touched while the agent is away', true],
  ])('an archive that nobody followed before is read once, also where it %s', async (_, isAway) => {
    const { bench, write, rotate, log, expectAll } = await start();
    write(3);
    await bench.settle();
    await bench.drop();
    rotate('rename', false);
    write(200);
    rotate('rename', true);
    await bench.open();
    for (let i = 0; i < 3; i += 1) await bench.settle(3_000);
    await expectAll();
    if (isAway) await bench.drop();
    utimesSync(log('app.log.1.gz'), new Date(), new Date());
    if (isAway) await bench.open();
    for (let i = 0; i < 3; i += 1) await bench.settle(3_000);
    await expectAll();
  });

  it('an archive on the inode of a file that was read before is not taken for it, nor the other way round', async () => {
    const { bench, write, log, expectAll } = await start();
    write(5);
    await bench.settle(3_000);
    await bench.drop();
    // The same inode for sure, with an archive of more in it than was read.
    const text = readFileSync(log('app.log'));
    write(2);
    const more = readFileSync(log('app.log')).subarray(text.length);
    writeFileSync(log('app.log'), gzipSync(Buffer.concat([text, more])));
    renameSync(log('app.log'), log('app.log.1.gz'));
    write(4);
    await bench.open();
    for (let i = 0; i < 3; i += 1) await bench.settle(3_000);
    await expectAll();
    expect(bench.notices).toEqual([]);
  });

  it('a broken archive is told once, and nothing else waits for it', async () => {
    const { bench, log, write, expectAll } = await start();
    write(3);
    writeFileSync(log('app.log.1.gz'), 'no archive');
    utimesSync(log('app.log.1.gz'), 1, 1);
    for (let i = 0; i < 3; i += 1) await bench.settle(3_000);
    await expectAll();
    expect(bench.notices.filter((code) => code === 'file_unreadable').length).toBeLessThanOrEqual(1);
  });
});
