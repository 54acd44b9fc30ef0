import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Child, commandOf, runChild, runCommand } from '../../tests/spool/run-child.ts';
import {
  claimSpool,
  findOrphans,
  isSpoolDrained,
  openSpool,
  openSpoolReader,
  registerCursors,
  removeSpool,
  type SpoolClaim,
} from './index.ts';

let root: string;
let directory: string;
const claims: SpoolClaim[] = [];
const children: Child[] = [];

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'tailrace-lock-'));
  directory = join(root, 'p');
});
afterEach(async () => {
  for (const claim of claims.splice(0)) claim.release();
  for (const child of children.splice(0)) {
    child.process.kill('SIGKILL');
    await child.ended;
  }
  rmSync(root, { recursive: true, force: true });
});

function claim(owner = 'main'): string {
  const outcome = claimSpool(directory, { owner });
  if (outcome.kind === 'claimed') claims.push(outcome.claim);
  return outcome.kind;
}

/** Another process that claims the folder and stays. */
async function claimElsewhere(): Promise<Child> {
  const child = runChild('claim-folders.ts', [root, directory]);
  children.push(child);
  await expect.poll(() => child.stdout(), { timeout: 20_000 }).toBe(`ready\n${JSON.stringify([directory])}\n`);
  return child;
}

const lockFile = () => join(directory, 'lock.json');
const readLock = () => JSON.parse(readFileSync(lockFile(), 'utf8'));

function changeIdentity(change: Record<string, unknown>): void {
  const lock = readLock();
  writeFileSync(lockFile(), JSON.stringify({ ...lock, identity: { ...lock.identity, ...change } }));
}

function age(seconds: number): void {
  const then = new Date(Date.now() - seconds * 1000);
  utimesSync(lockFile(), then, then);
}

describe('a folder that a live process has', () => {
  it('is claimed by nobody else, and adopted at once when that process is killed', async () => {
    const other = await claimElsewhere();
    expect(claimSpool(directory)).toMatchObject({ kind: 'held', pid: other.process.pid });
    expect(await findOrphans(root)).toEqual([]);
    other.process.kill('SIGKILL');
    await other.ended;
    expect(await findOrphans(root)).toEqual([directory]);
    expect(await findOrphans(root, [directory])).toEqual([]);
    expect(claim()).toBe('claimed');
    expect(await findOrphans(root)).toEqual([]);
    expect(readdirSync(directory)).toEqual(['lock.json']);
  });

  it('is kept from another part of the same process, and given again to the same part', () => {
    expect(claim('main')).toBe('claimed');
    expect(claim('delivery')).toBe('held');
    expect(claim('main')).toBe('claimed');
    expect(claims.map((each) => each.isHeld())).toEqual([false, true]);
  });

  it('is free once it is released', async () => {
    expect(claim('main')).toBe('claimed');
    claims[0]?.release();
    expect(await findOrphans(root)).toEqual([directory]);
    expect(claim('delivery')).toBe('claimed');
  });
});

describe('a lock that outlived its process', () => {
  it('does not hold when the pid was given to another process', () => {
    claim();
    changeIdentity({ startedAt: '1' });
    expect(claim('delivery')).toBe('claimed');
  });

  it('does not hold when the process is a zombie', async () => {
    // `sleep` takes the place of the shell, and never asks how its child ended.
    const command = commandOf('claim-folders.ts', [root, directory]);
    const parent = runCommand(['bash', '-c', '"$@" </dev/zero & exec sleep 60', 'bash', ...command]);
    children.push(parent);
    await expect.poll(() => parent.stdout(), { timeout: 20_000 }).toContain(directory);
    const { pid } = readLock().identity;
    process.kill(pid, 'SIGKILL');
    await expect.poll(() => readFileSync(`/proc/${pid}/stat`, 'utf8'), { timeout: 10_000 }).toContain(') Z ');
    expect(claim()).toBe('claimed');
  });

  it('holds by its heartbeat alone when the process is in another container', () => {
    claim();
    changeIdentity({ pidNamespace: 'pid:[1]' });
    expect(claim('delivery')).toBe('held');
    age(60);
    expect(claim('delivery')).toBe('claimed');
  });

  it('holds by its heartbeat alone when it is not readable', () => {
    mkdirSync(directory);
    writeFileSync(lockFile(), '\0\0\0');
    expect(claim()).toBe('held');
    age(60);
    expect(claim()).toBe('claimed');
    expect(readdirSync(directory)).toEqual(['lock.json']);
  });

  it('is followed to its end when an adopter died before it had folded the chain', () => {
    claim();
    const first = readLock();
    changeIdentity({ startedAt: '1' });
    const second = { ...first, nonce: '0123456789abcdef', identity: { ...first.identity, startedAt: '2' } };
    writeFileSync(join(directory, `lock-${first.nonce}.json`), JSON.stringify(second));
    expect(claim('delivery')).toBe('claimed');
    expect(readdirSync(directory)).toEqual(['lock.json']);
    expect(readLock().owner).toBe('delivery');
  });
});

describe('adopters that race', () => {
  it('win each folder exactly once', async () => {
    const folders = Array.from({ length: 150 }, (_, i) => join(root, `orphan-${i}`));
    for (const [i, folder] of folders.entries()) {
      directory = folder;
      // Some have a dead owner, some a released lock, some none.
      if (i % 3 > 0) claim();
      if (i % 3 === 1) changeIdentity({ startedAt: '1' });
      if (i % 3 === 2) claims.pop()?.release();
    }
    const start = join(root, 'start');
    const racers = Array.from({ length: 4 }, () => runChild('claim-folders.ts', [start, ...folders]));
    children.push(...racers);
    for (const racer of racers) if (racer.stdout() === '') await once(racer.process.stdout, 'data');
    writeFileSync(start, '');
    await expect
      .poll(() => racers.every((racer) => racer.stdout().split('\n').length === 3), { timeout: 20_000 })
      .toBe(true);
    const won = racers.map((racer) => JSON.parse(racer.stdout().split('\n')[1] ?? '') as string[]);
    expect(won.flat().sort()).toEqual([...folders].sort());
    expect(won.filter((each) => each.length > 0).length).toBeGreaterThan(1);
  });
});

describe('the folder of a dead producer', () => {
  it('is removed when every route has passed everything in it, and not before', async () => {
    claim();
    await registerCursors(directory, ['a', 'b']);
    const spool = openSpool({ directory, segmentBytes: 50 });
    for (let n = 1; n <= 10; n += 1) spool.append(JSON.stringify({ n }), n, true);
    spool.close();
    for (const cursor of ['a', 'b']) {
      expect(await isSpoolDrained(directory)).toBe(false);
      expect(await removeSpool(directory)).toBe(false);
      const reader = await openSpoolReader({ directory, cursor, isEnded: true });
      for (;;) {
        const batch = await reader.read({ maxLines: 100, maxBytes: 1000 });
        if (batch === undefined) break;
        await reader.commit(batch.to);
      }
      await reader.close();
    }
    expect(await isSpoolDrained(directory)).toBe(true);
    expect(await removeSpool(directory)).toBe(true);
    expect(existsSync(directory)).toBe(false);
  });

  it('is not removed when no route was ever registered for what is in it', async () => {
    const spool = openSpool({ directory });
    spool.append('{}', 1, true);
    spool.close();
    expect(await removeSpool(directory)).toBe(false);
  });
});
