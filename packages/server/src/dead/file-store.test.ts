import { existsSync, mkdtempSync, readdirSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeDeadLetter } from 'tailrace/dead-letters';
import { describe, expect, test } from 'vitest';
import { temporaryFolder } from '../../tests/test-server.ts';
import { FileStore } from './file-store.ts';
import { allOf, deadLetterStoreContract, letter } from './testing/dead-letter-store-contract.ts';

describe('dead letters in files', () => {
  const open = async () => {
    const directory = mkdtempSync(join(tmpdir(), 'tailrace-dead-'));
    const openOne = () => FileStore.open({ directory, sync: false, fileBytes: 2000 });
    return { store: await openOne(), reopen: openOne, remove: () => rm(directory, { recursive: true, force: true }) };
  };
  deadLetterStoreContract(open, { isShared: false, runs: 60 });

  test('a torn line costs nothing but itself, and a line of somebody else stays', async () => {
    const directory = temporaryFolder();
    const path = join(directory, 'letters-000001.ndjson');
    writeFileSync(path, `${encodeDeadLetter(letter(1))}\nnot ours\n${encodeDeadLetter(letter(2)).slice(0, 80)}`);
    const store = await FileStore.open({ directory, sync: true });
    await store.put([letter(3)]);
    expect((await allOf(store)).map(({ id }) => id)).toEqual(['dddddddd-1', 'dddddddd-3']);
    await store.remove(['dddddddd-1', 'dddddddd-3']);
    expect(existsSync(path)).toBe(true);
  });

  test('the files of before are taken over', async () => {
    const directory = temporaryFolder();
    const old = (n: number) =>
      JSON.stringify({ id: `dddddddd-${n}`, at: letter(n).at, source: 'http', reason: 'no', line: '{}' });
    writeFileSync(join(directory, 'ingest.1.ndjson'), `${old(1)}\n`);
    writeFileSync(join(directory, 'ingest.ndjson'), `${old(2)}\n{"torn`);
    const store = await FileStore.open({ directory, sync: true });
    expect(await allOf(store)).toMatchObject([
      { id: 'dddddddd-1', source: 'http', sink: 'server' },
      { id: 'dddddddd-2', line: Buffer.from('{}') },
    ]);
    expect(readdirSync(directory)).toEqual(['letters-000001.ndjson']);
  });
});
