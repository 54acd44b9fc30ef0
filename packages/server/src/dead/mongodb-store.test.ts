import { randomBytes } from 'node:crypto';
import { MongoClient } from 'mongodb';
import { describe, expect, test } from 'vitest';
import { needService } from '../../../../tests/services.ts';
import { openMongoDeadLetters } from './mongodb-store.ts';
import { deadLetterStoreContract, letter } from './testing/dead-letter-store-contract.ts';

const service = await needService('mongodb');

describe.skipIf(service === undefined)('dead letters in MongoDB', () => {
  const uri = service?.url ?? '';
  const open = async () => {
    const database = `test_${randomBytes(6).toString('hex')}`;
    const openOne = () => openMongoDeadLetters({ uri, database });
    return {
      database,
      store: await openOne(),
      reopen: openOne,
      remove: async () => {
        const client = new MongoClient(uri);
        await client.db(database).dropDatabase();
        await client.close();
      },
    };
  };
  deadLetterStoreContract(open, { isShared: true, runs: 4 });

  test('anybody can query them in the collection', async () => {
    const { database, store, remove } = await open();
    await store.put([letter(1), letter(2, { sink: 'writer' })]);
    const client = new MongoClient(uri);
    const found = await client.db(database).collection('dead_letters').find({ sink: 'writer' }).toArray();
    expect(found).toMatchObject([{ _id: 'dddddddd-2', schema: 'tailrace/dead-letter/v1', service: 'shop' }]);
    await client.close();
    await store.close();
    await remove();
  });
});

test('a MongoDB that is away is told of, and nothing hangs', async () => {
  const store = await openMongoDeadLetters({ uri: 'mongodb://127.0.0.1:1/dead', timeoutMs: 1000 });
  await expect(store.put([letter(1)])).rejects.toThrow('ECONNREFUSED');
  await store.close();
});
