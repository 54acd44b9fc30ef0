import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Database } from './database.ts';

test('closing waits for what connects or works, and lets nothing begin', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'tailrace-database-'));
  for (let round = 0; round < 20; round += 1) {
    const database = await Database.open({ directory, memoryLimit: '256MB', threads: 1 });
    const working = Array.from({ length: 8 }, () => database.with((connection) => connection.run('SELECT 1')));
    const closing = database.close();
    await expect(database.connect()).rejects.toThrow('the database is closed');
    await closing;
    await Promise.all(working);
  }
  await rm(directory, { recursive: true, force: true });
});
