/** `npm run demo`, from source: it starts, goes on after a kill, and leaves nothing behind. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { type RunningDemo, startDemo } from './demo.ts';
import { freePort, waitFor } from './processes.ts';
import { createServerClient } from './server-client.ts';

describe('the demo', () => {
  let demo: RunningDemo | undefined;

  afterEach(async () => {
    await demo?.end();
    demo = undefined;
  });

  it('starts a killed server and a killed shop again, and at Ctrl-C leaves no process behind', async () => {
    demo = await startDemo({ args: ['--seed', '5'] });
    const running = demo;
    const client = createServerClient(running.url);
    const storedAbove = (count: number) => async () => {
      const totals = await client.ledger().then(
        (ledger) => ledger.totals,
        () => undefined,
      );
      return totals !== undefined && totals.stored > count ? totals.stored : undefined;
    };
    const said = (text: string) => () => (running.output().includes(text) ? true : undefined);

    const first = await waitFor('stored events', storedAbove(0));
    process.kill(pidIn(running.directory, 'server'), 'SIGKILL');
    await waitFor('the server to be back', said('The server is back'));
    const second = await waitFor('more stored events', storedAbove(first));
    process.kill(pidIn(running.directory, 'shop'), 'SIGKILL');
    await waitFor('the shop to be back', said('The shop is back'));
    await waitFor('still more stored events', storedAbove(second));

    expect(await running.interrupt()).toBe(0);
    expect(processesWith(running.directory)).toEqual([]);
  }, 120_000);

  it('ends by itself after --once when everything has arrived', async () => {
    demo = await startDemo({ args: ['--once', '--payments', '40', '--seed', '5'] });
    const running = demo;
    await waitFor('the demo to end', () => (running.process.exitCode === null ? undefined : true), 60_000);
    expect(running.process.exitCode, running.output()).toBe(0);
    expect(running.output()).toMatch(/missing 0/);
    expect(processesWith(running.directory)).toEqual([]);
  }, 120_000);

  it('says which port is taken, and what to set', async () => {
    demo = await startDemo({ args: ['--payments', '1'] });
    const taken = new URL(demo.url).port;
    await expect(startDemo({ env: { TAILRACE_PORT: taken } })).rejects.toThrow(
      `Port ${taken} is taken. Set TAILRACE_PORT to a free one.`,
    );
    const port = String(await freePort());
    await expect(startDemo({ env: { TAILRACE_PORT: port, PAYMENTS_PORT: taken } })).rejects.toThrow(
      `Port ${taken} is taken. Set PAYMENTS_PORT to a free one.`,
    );
  }, 60_000);
});

function pidIn(folder: string, name: 'server' | 'shop'): number {
  const pid = Number(readFileSync(join(folder, `${name}.pid`), 'utf8'));
  // A signal to process 0 or 1 would hit the test itself, or everything.
  if (!Number.isInteger(pid) || pid <= 1) throw new Error(`${name}.pid holds no process id`);
  return pid;
}

/** Processes that have this folder in their environment: those of one demo. Only Linux shows them; elsewhere none. */
function processesWith(folder: string): readonly string[] {
  let entries: readonly string[];
  try {
    entries = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  } catch {
    return [];
  }
  return entries.filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/environ`, 'utf8').includes(folder);
    } catch {
      return false;
    }
  });
}
