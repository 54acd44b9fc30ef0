import type { ChildProcess } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { createTailrace, tailraceSink } from 'tailrace';
import { expect, onTestFinished, test } from 'vitest';
import { eventually, startServer, type TestServer, temporaryFolder } from '../packages/server/tests/test-server.ts';
import { answer, startRecordingServer } from '../packages/tailrace/tests/delivery/recording-server.ts';
import { endProcess, ROOT, runSource } from './processes.ts';

const EVENTS = 300;
const REFUSED = EVENTS / 10;

interface Account {
  readonly producer: string;
  readonly kept: number;
  readonly stored: number;
  readonly dead: number;
  readonly missing: number;
  readonly closed: boolean;
}

/** Stands before the server, and refuses the lines that carry a mark. */
async function refuseMarked(server: TestServer, lines: readonly string[], response: ServerResponse): Promise<void> {
  const good = lines.filter((line) => !line.includes('"refuse":true'));
  const taken = good.length === 0 ? { accepted: 0, duplicates: 0 } : (await server.post(`${good.join('\n')}\n`)).body;
  const refused = lines.flatMap((line, index) =>
    good.includes(line) ? [] : [{ line: index + 1, reason: 'it carries the mark' }],
  );
  answer(response, 200, { ...(taken as object), refused });
}

function deadLettersIn(dataDir: string): number {
  const folder = join(dataDir, 'dead', 'tailrace');
  if (!existsSync(folder)) return 0;
  const files = readdirSync(folder).map((name) => readFileSync(join(folder, name), 'utf8'));
  return files.reduce((sum, text) => sum + text.split('\n').length - 1, 0);
}

test('dead letters of a killed process are dead in the ledger, and not missing', async () => {
  const server = await startServer({ settings: { ledgerGraceSeconds: 0 } });
  const dataDir = temporaryFolder();
  const proxy = await startRecordingServer();
  onTestFinished(() => proxy.close());
  // The first batches are answered, the rest are left to whoever comes after the kill.
  let answered = 0;
  proxy.behave = async (lines, response) => {
    answered += 1;
    if (answered <= 2) await refuseMarked(server, lines, response);
  };
  const child: ChildProcess = runSource(
    join(ROOT, 'tests/refused-events-child.ts'),
    [dataDir, proxy.url, String(EVENTS)],
    { logFile: join(dataDir, 'child.log') },
  );
  onTestFinished(() => endProcess(child, 'SIGKILL'));
  await eventually(
    async () => deadLettersIn(dataDir),
    (dead) => dead > 0,
  );
  await endProcess(child, 'SIGKILL');
  expect(deadLettersIn(dataDir)).toBeLessThan(REFUSED);

  proxy.behave = (lines, response) => refuseMarked(server, lines, response);
  const producer = readFileSync(join(dataDir, 'child.log'), 'utf8').trim();
  const successor = createTailrace({
    service: 'shop',
    dataDir,
    routes: [{ name: 'tailrace', sinks: [tailraceSink({ url: proxy.url })] }],
  });
  onTestFinished(() => successor.close(0));
  const accountOf = async (): Promise<Account | undefined> => {
    const { body } = await server.get('/v1/ledger');
    return (body as { producers: Account[] }).producers.find((account) => account.producer === producer);
  };
  const account = await eventually(accountOf, (found) => found?.closed === true && found.stored === EVENTS - REFUSED);
  expect(account).toMatchObject({ kept: EVENTS, stored: EVENTS - REFUSED, dead: REFUSED, missing: 0 });
  // Those that were buried just before the kill may be in the files twice; they are counted once.
  expect(deadLettersIn(dataDir)).toBeGreaterThanOrEqual(REFUSED);
  await eventually(
    async () => readdirSync(join(dataDir, 'spool')),
    (names) => names.length === 1 && names[0] === successor.producer,
  );
});
