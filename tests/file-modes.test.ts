import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { createTailrace, tailraceSink } from 'tailrace';
import { expect, onTestFinished, test } from 'vitest';
import { eventually, startServer, temporaryFolder } from '../packages/server/tests/test-server.ts';
import { answer, startRecordingServer } from '../packages/tailrace/tests/delivery/recording-server.ts';

/** Everything below a folder that somebody else could read or write, with its mode. */
function openToOthers(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).flatMap((name) => {
    const mode = statSync(join(folder, name)).mode & 0o777;
    return (mode & 0o077) === 0 ? [] : [`${name} ${mode.toString(8)}`];
  });
}

/** Without it, the mask of whoever runs the tests would hide a mode that is too wide. */
function clearMask(): void {
  const mask = process.umask(0);
  onTestFinished(() => {
    process.umask(mask);
  });
}

test.skipIf(process.platform === 'win32')('spool, cursors and dead letters are for their user only', async () => {
  clearMask();
  const dataDir = join(temporaryFolder(), 'data');
  const refusing = await startRecordingServer();
  onTestFinished(() => refusing.close());
  refusing.behave = (lines, response) => {
    const refused = lines.map((_, index) => ({ line: index + 1, reason: 'no' }));
    answer(response, 200, { accepted: 0, duplicates: 0, refused });
  };
  const routes = [{ name: 'tailrace', sinks: [tailraceSink({ url: refusing.url })] }];
  const tailrace = createTailrace({ service: 'shop', dataDir, routes });
  onTestFinished(() => tailrace.close(0));
  tailrace.log.error('refused');
  expect(await tailrace.flush(20_000)).toBe(true);
  const names = readdirSync(dataDir, { recursive: true, encoding: 'utf8' });
  for (const part of ['.ndjson', 'lock.json', 'tailrace.json', join('dead', 'tailrace')]) {
    expect(names.filter((name) => name.includes(part))).not.toEqual([]);
  }
  expect(openToOthers(join(dataDir, '..'))).toEqual([]);
});

test.skipIf(process.platform === 'win32')("the server's queue and dead letters are for its user only", async () => {
  clearMask();
  const dataDir = join(temporaryFolder(), 'data');
  const server = await startServer({ dataDir });
  await server.post('{"level":"info"}\nno event\n');
  await eventually(
    async () => readFileSync(join(dataDir, 'dead', 'letters-000001.ndjson'), 'utf8'),
    (text) => text !== '',
  );
  expect(openToOthers(join(dataDir, '..'))).toEqual([]);
});
