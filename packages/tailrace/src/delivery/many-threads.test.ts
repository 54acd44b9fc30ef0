import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { eventsIn } from '../../tests/delivery/events-in.ts';
import { type RecordingServer, startRecordingServer } from '../../tests/delivery/recording-server.ts';
import { commandOf, runCommand } from '../../tests/spool/run-child.ts';

const EVENTS = 200;

let folder: string;
let server: RecordingServer;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tailrace-many-'));
  server = await startRecordingServer();
});

afterEach(async () => {
  await server.close();
  await rm(folder, { recursive: true, force: true });
});

it.each([
  ['threads', ['main', 'thread-0', 'thread-1', 'thread-2', 'thread-3']],
  ['cluster', ['primary', 'worker-0', 'worker-1', 'worker-2', 'worker-3']],
])(
  '%s: every event of each of them arrives once, and no spool is left',
  async (mode, names) => {
    const child = runCommand(commandOf('../delivery/many-threads.ts', [mode, folder, server.url, '4', String(EVENTS)]));
    await child.ended;
    expect(child.stderr()).toBe('');
    expect(child.process.exitCode).toBe(0);

    const events = eventsIn(server.lines);
    const numbers = Array.from({ length: EVENTS }, (_, i) => i);
    for (const name of names) {
      const own = events.filter(({ service }) => service === name);
      expect(own.map(({ number }) => Number(number)).sort((a, b) => a - b)).toEqual(numbers);
    }
    expect(events).toHaveLength(names.length * EVENTS);
    expect(new Set(events.map(({ event_id }) => event_id)).size).toBe(events.length);
    expect(await readdir(join(folder, 'spool'))).toEqual([]);
  },
  120_000,
);
