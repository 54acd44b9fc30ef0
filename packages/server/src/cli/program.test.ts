import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { eventLine, eventually, startServer, temporaryFolder } from '../../tests/test-server.ts';
import { parseAggregates } from './aggregates.ts';
import { runProgram } from './program.ts';
import { cellText, formatTable } from './table.ts';

const P = '0mb1x9k3fqz7a';

async function run(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  let out = '';
  let err = '';
  const code = await runProgram(args, {
    write: (text) => {
      out += text;
    },
    writeError: (text) => {
      err += text;
    },
  });
  return { code, out, err };
}

test('query, explain and ledger tell of a real server, for people and for programs', async () => {
  const server = await startServer();
  const url = ['--url', server.url];
  await server.post([eventLine(P, 1, { message: 'card declined', status: 402 }), eventLine(P, 2)].join('\n'));
  const found = await eventually(
    () => run('query', 'status:402', ...url),
    ({ out }) => out.includes('card declined'),
  );
  expect(found).toMatchObject({ code: 0, err: '' });
  expect(found.out).toContain('1 row · exact');
  expect(JSON.parse((await run('query', 'status:402', '--json', ...url)).out).rows).toHaveLength(1);

  const explained = await run('explain', `${P}-1`, ...url);
  expect(explained.out).toContain('kept by SAMPLED_NORMAL at rate 1');
  expect(explained.out).toContain('It counts as 1 event.');
  const ledger = await run('ledger', '--json', ...url);
  expect([ledger.code, JSON.parse(ledger.out).totals.stored]).toEqual([0, 2]);
  expect((await run('dead', ...url)).out).toContain('there are no dead letters');
  expect(JSON.parse((await run('doctor', '--json', ...url)).out).findings).toMatchObject([
    { check: 'config', ok: true },
    { check: 'disk' },
    { check: 'server', ok: true },
    { check: 'ledger', ok: true, message: '2 stored, 0 dead, 0 missing' },
  ]);
  const spools = JSON.parse((await run('spool', '--json', '--data-dir', server.dataDir)).out);
  expect(spools.spools).toMatchObject([{ folder: 'queue', segments: 1, pid: process.pid }]);
});

test('a hole in the ledger is an exit code that a script can watch', async () => {
  const server = await startServer({ settings: { ledgerGraceSeconds: 0 } });
  await server.post([eventLine(P, 1), eventLine(P, 3)].join('\n'));
  expect(await run('ledger', '--url', server.url)).toMatchObject({ code: 4 });
});

test('tail shows events as they arrive, and ends after as many as it was told', async () => {
  const server = await startServer();
  const tail = run('tail', '-n', '2', '--json', '--url', server.url);
  await eventually(
    async () => String((await server.get('/metrics')).body),
    (metrics) => /tailrace_tail_clients 1/.test(metrics),
  );
  await server.post([1, 2].map((n) => eventLine(P, n)).join('\n'));
  const { code, out } = await tail;
  expect(code).toBe(0);
  expect(
    out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).event_id),
  ).toEqual([`${P}-1`, `${P}-2`]);
});

test('what goes wrong has its own exit code and says what to do', async () => {
  const server = await startServer();
  expect(await run('query', 'status:(', '--url', server.url)).toMatchObject({
    code: 1,
    err: expect.stringContaining('at character'),
  });
  expect(await run('query', 'x', '--url', 'http://127.0.0.1:1')).toMatchObject({
    code: 3,
    err: expect.stringContaining('tailrace server'),
  });
  expect(await run('query', '--agg', 'p99', '--url', server.url)).toMatchObject({
    code: 2,
    err: expect.stringContaining('"p99"'),
  });
  expect(await run('frobnicate')).toMatchObject({ code: 2, err: expect.stringContaining('frobnicate') });
  expect(await run('spool', '--data-dir', `${temporaryFolder()}/none`)).toMatchObject({ code: 2 });
  expect(await run('--help')).toMatchObject({ code: 0, out: expect.stringContaining('Exit codes') });
});

test('aggregates are read as people write them', () => {
  expect(parseAggregates('count, p99(duration_ms), avg(a.b), error_rate')).toEqual([
    { fn: 'count' },
    { fn: 'percentile', field: 'duration_ms', p: 99 },
    { fn: 'avg', field: 'a.b' },
    { fn: 'error_rate' },
  ]);
});

test('an event can not write to the terminal, and an estimate shows its interval', () => {
  expect(cellText('a\u001b[31mred\u0007\nb')).toBe('a·[31mred· b');
  expect(cellText({ value: 1200, low: 1160, high: 1240 })).toBe('1,200 ±40');
  expect(cellText({ value: 10, low: 8, high: 20 })).toBe('10 (8 – 20)');
  expect(
    formatTable(
      ['n', 'text'],
      [
        { n: 5, text: 'x' },
        { n: 1000, text: 'y' },
      ],
    ).split('\n'),
  ).toEqual(['    n  text', '─────  ────', '    5  x', '1,000  y']);
});

test('dead letters are listed, shown, edited, replayed and purged from the command line', async () => {
  const server = await startServer();
  const dead = (...args: string[]) => run('dead', ...args, '--url', server.url);
  const line = (n: number, service: string) => eventLine(P, n, { status: `no number ${n}`, service });
  await server.post([line(1, 'shop'), line(2, 'shop'), line(3, 'bank')].join('\n'));
  const listed = await dead('list', '--service', 'shop');
  expect(listed.out).toMatch(/^count +cause/m);
  expect(listed.out).toContain('2 of 2, of 3 in all');
  const [newest] = JSON.parse((await dead('list', '--json', '--text', 'NUMBER 2')).out).dead;
  const shown = await dead('show', newest.id);
  expect(shown.out).toMatch(/reason +status is "no number 2"/);
  expect(shown.out).toContain('"status": "no number 2"');

  expect(await dead('edit', newest.id)).toMatchObject({ code: 2, err: expect.stringContaining('--set field=value') });
  expect(await dead('edit', newest.id, '--set', 'status=many')).toMatchObject({
    code: 1,
    err: expect.stringContaining('status is "many", and must be a whole number'),
  });
  const file = join(temporaryFolder(), 'event.json');
  writeFileSync(file, '[]');
  expect(await dead('edit', newest.id, '--file', file)).toMatchObject({ code: 2 });
  expect(await dead('edit', newest.id, '--set', 'status=200', '--set', 'note=mended')).toMatchObject({ code: 0 });

  expect(await dead('replay')).toMatchObject({ code: 2, err: expect.stringContaining('--all') });
  expect((await dead('replay', '--all', '--dry-run')).out).toBe('1 would be taken, 2 refused again\n');
  expect(await dead('replay', '--service', 'shop')).toMatchObject({ code: 1, out: '1 replayed, 1 refused again\n' });
  expect(await dead('purge', '--all')).toMatchObject({ code: 1, err: expect.stringContaining('confirm: 2') });
  expect(await dead('purge', '--all', '--confirm', '2')).toMatchObject({ code: 0, out: '2 purged\n' });
  expect((await dead()).out).toContain('there are no dead letters');
  const found = await eventually(
    () => run('query', 'note:mended', '--url', server.url),
    ({ out }) => out.includes('1 row'),
  );
  expect(found.code).toBe(0);
});

test("an application's dead letters are replayed from its folder, without the application", async () => {
  const server = await startServer();
  const dataDir = temporaryFolder();
  const folder = join(dataDir, 'dead', 'tailrace');
  mkdirSync(folder, { recursive: true });
  const letters = [eventLine(P, 1), eventLine(P, 2), 'no event'].map((line) =>
    JSON.stringify({ reason: 'no', route: 'tailrace', sink: 'tailrace', at: '2026-11-21T09:00:00.000Z', line }),
  );
  writeFileSync(join(folder, '20261121T090000000Z-1-1.ndjson'), `${letters.join('\n')}\n`);
  const replay = ['dead', 'replay', '--url', server.url, '--data-dir'];
  const listed = await run('dead', 'list', '--json', '--service', 'payments', '--data-dir', dataDir);
  expect(JSON.parse(listed.out)).toMatchObject({
    dead: [{ id: `${P}-2`, source: 'spool', service: 'payments' }, { id: `${P}-1` }],
    matching: 2,
    count: 3,
  });
  expect((await run('dead', 'list', '--data-dir', dataDir)).out).toContain('3 of 3, of 3 in all');
  expect(await run('dead', 'list', '--from', 'soon', '--data-dir', dataDir)).toMatchObject({ code: 2 });

  const { code, out } = await run(...replay, dataDir);
  expect([code, out]).toEqual([0, '3 sent, of them 1 refused again\n']);
  const { body } = await server.get('/v1/ledger');
  expect(body).toMatchObject({ totals: { kept: 2 } });
  expect(readdirSync(folder)).toHaveLength(1);

  expect(await run(...replay, join(dataDir, 'elsewhere'))).toMatchObject({ code: 2, out: '' });
  expect((await run(...replay, dataDir, 'some-id')).err).toContain('either ids or --data-dir');
});
