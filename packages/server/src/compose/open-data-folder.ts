/** The folder of this process: claimed for it alone. */
import { join } from 'node:path';
import { createProducerId } from 'tailrace/event';
import { makeFolder, type SpoolClaim } from 'tailrace/spool';
import { claimFolder } from '../claim-folder.ts';
import type { Log } from '../log.ts';

/** @throws Error where the folder is in use, or can't be written. */
export async function openDataFolder(dataDir: string, log: Log): Promise<SpoolClaim> {
  const queueDirectory = join(dataDir, 'queue');
  await makeFolder(queueDirectory, 0o700).catch((error: unknown) => {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`the data folder ${dataDir} can't be used (${reason}): set TAILRACE_DATA_DIR to another folder`);
  });
  const owner = `server-${createProducerId(Date.now(), Math.random)}`;
  return claimFolder(queueDirectory, { dataDir, owner, log });
}
