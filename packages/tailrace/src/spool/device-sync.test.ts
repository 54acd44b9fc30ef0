import { closeSync, fstatSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { DeviceSync } from './device-sync.ts';
import { errorCode } from './segment.ts';

let root: string;
let outcomes: unknown[];

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'tailrace-device-'));
  outcomes = [];
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const createSync = () =>
  new DeviceSync(root, (error) => outcomes.push(error === undefined ? 'fine' : errorCode(error)));
const openGood = () => openSync(join(root, 'good'), 'a');

function isOpen(fd: number): boolean {
  try {
    fstatSync(fd);
    return true;
  } catch {
    return false;
  }
}

// Linux refuses to force this device: a real error from a real call, as a broken disk gives it.
it.skipIf(process.platform !== 'linux')(
  'says that a file could not be forced, and tries it again each time',
  async () => {
    const device = createSync();
    const bad = openSync('/dev/null', 'w');
    const good = openGood();
    device.touch(bad);
    device.touch(good);
    await expect(device.run()).rejects.toThrow('EINVAL');
    // Nobody wrote to it since: it is still not on the device, and that is still said.
    await expect(device.run()).rejects.toThrow('EINVAL');
    expect(outcomes).toEqual(['EINVAL', 'EINVAL']);
    expect(() => device.runNow(bad)).toThrow('EINVAL');
    expect(() => device.runNow(good)).not.toThrow();
    closeSync(bad);
    closeSync(good);
  },
);

it.skipIf(process.platform !== 'linux')(
  'closes a retired file though it could not be forced, and says so once',
  async () => {
    const device = createSync();
    const bad = openSync('/dev/null', 'w');
    device.touch(bad);
    device.retire(bad);
    await expect.poll(() => outcomes).toEqual(['EINVAL']);
    expect(isOpen(bad)).toBe(false);
    const good = openGood();
    device.touch(good);
    await device.run();
    expect(outcomes).toEqual(['EINVAL', 'fine']);
    closeSync(good);
  },
);
