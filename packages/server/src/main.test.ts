import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { SOURCE_ARGS } from '../../../tests/processes.ts';
import { eventLine, eventually, temporaryFolder } from '../tests/test-server.ts';

const PROGRAM = fileURLToPath(new URL('./cli/tailrace.ts', import.meta.url));
const P = '0mb1x9k3fqz7a';

interface ServerProcess {
  readonly url: string;
  readonly child: ChildProcess;
}

/** A server as a user starts it; resolves at its start line. */
async function startProcess(dataDir: string, environment: Record<string, string> = {}): Promise<ServerProcess> {
  const child = spawn(process.execPath, [...SOURCE_ARGS, PROGRAM, 'server', '--port', '0', '--data-dir', dataDir], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...environment },
  });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  let text = '';
  child.stderr.on('data', (data) => {
    text += String(data);
  });
  for await (const data of child.stdout) {
    text += String(data);
    const url = /listens on (\S+)/.exec(text)?.[1];
    if (url !== undefined) {
      child.stdout.resume();
      return { url, child };
    }
  }
  throw new Error(`the server did not start: ${text}`);
}

async function post(url: string, lines: readonly string[]): Promise<{ accepted: number; duplicates: number }> {
  const headers = { 'content-type': 'application/x-ndjson' };
  const response = await fetch(`${url}/v1/events`, { method: 'POST', body: lines.join('\n'), headers });
  if (!response.ok) throw new Error(`answered ${response.status}: ${await response.text()}`);
  return (await response.json()) as { accepted: number; duplicates: number };
}

async function allIds(url: string): Promise<string[]> {
  const ids: string[] = [];
  let cursor = '';
  do {
    const response = await fetch(`${url}/v1/events?from=-1d&limit=1000${cursor}`);
    const page = (await response.json()) as { events: { event_id: string }[]; cursor: string | null };
    ids.push(...page.events.map(({ event_id }) => event_id));
    cursor = page.cursor === null ? '' : `&cursor=${page.cursor}`;
  } while (cursor !== '');
  return ids;
}

test('kill -9 in full traffic, again and again: what was answered is there once', async () => {
  const dataDir = temporaryFolder();
  const settings = { TAILRACE_COMMIT_SECONDS: '0.05', TAILRACE_COMMIT_LINES: '200' };
  const answered = new Set<number>();
  let next = 1;
  let unanswered: number[] = [];
  for (let round = 0; round < 4; round += 1) {
    const { url, child } = await startProcess(dataDir, settings);
    const exited = once(child, 'exit');
    // A client sends again what it got no answer for, as the library does.
    const killAfter = 5 + round * 4;
    for (let posts = 0; ; posts += 1) {
      const numbers = unanswered.length > 0 ? unanswered : Array.from({ length: 50 }, () => next++);
      unanswered = numbers;
      const sent = post(
        url,
        numbers.map((n) => eventLine(P, n)),
      );
      if (posts === killAfter) child.kill('SIGKILL');
      try {
        await sent;
      } catch {
        break;
      }
      for (const n of numbers) answered.add(n);
      unanswered = [];
    }
    await exited;
  }

  const { url, child } = await startProcess(dataDir, settings);
  if (unanswered.length > 0) {
    await post(
      url,
      unanswered.map((n) => eventLine(P, n)),
    );
    for (const n of unanswered) answered.add(n);
  }
  // Everything once more: each must be known, wherever it was when the server died.
  const all = [...answered].map((n) => eventLine(P, n));
  expect(await post(url, all)).toMatchObject({ accepted: 0, duplicates: all.length });
  const ids = await eventually(
    () => allIds(url),
    (found) => found.length >= answered.size,
  );
  expect(ids).toHaveLength(answered.size);
  expect(new Set(ids)).toEqual(new Set([...answered].map((n) => `${P}-${n}`)));
  expect(answered.size).toBeGreaterThan(1000);

  // Nobody reads its output any more, which must not keep it from stopping in order.
  child.kill('SIGTERM');
  expect(await once(child, 'exit')).toEqual([0, null]);
}, 120_000);

test('two servers in one data folder, and a wrong configuration, end with a clear line', async () => {
  const dataDir = temporaryFolder();
  const { url } = await startProcess(dataDir);
  await expect(startProcess(dataDir)).rejects.toThrow(/is in use by another server \(process \d+/);
  await expect(startProcess(temporaryFolder(), { TAILRACE_FSYNC: 'maybe', TAILRACE_PROT: '1' })).rejects.toThrow(
    /TAILRACE_PROT is no setting; did you mean TAILRACE_PORT\?[\s\S]*TAILRACE_FSYNC="maybe" must be always/,
  );
  expect((await fetch(`${url}/healthz`)).status).toBe(200);
}, 60_000);
