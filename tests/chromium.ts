import { accessSync, constants } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';

const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** Where Chromium is: `CHROMIUM_PATH`, or where Debian and others put it. */
export function findChromium(): string | undefined {
  const candidates = process.env.CHROMIUM_PATH === undefined ? PLACES : [process.env.CHROMIUM_PATH];
  return candidates.find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

export function launchChromium(executablePath: string): Promise<Browser> {
  // The sandbox needs rights that a container doesn't give; the only page it shows is ours.
  return chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-dev-shm-usage'] });
}
