import { randomBytes } from 'node:crypto';
import { MongoClient } from 'mongodb';
import { describe } from 'vitest';
import { needService } from '../../../../../tests/services.ts';
import { type OpenedStore, type OpenOptions, storeContract } from '../testing/store-contract.ts';
import { openMongoStore } from './mongo-store.ts';

const service = await needService('mongodb');

// The servers that stand in for MongoDB take a good part of a second for a plan.
const runs = process.env.TAILRACE_TEST_THOROUGH === '1' ? 1_000 : 60;

describe.skipIf(service === undefined)('with a MongoDB', () => {
  const open = async ({ clock }: OpenOptions): Promise<OpenedStore> => {
    const uri = service?.url ?? '';
    const database = `test_${randomBytes(6).toString('hex')}`;
    // The events of the contract are of one day, which may be long ago.
    const retention = { maxAgeMs: Number.POSITIVE_INFINITY };
    const openOne = () => openMongoStore({ uri, database, clock, retention });
    return {
      store: await openOne(),
      reopen: openOne,
      openAnother: openOne,
      remove: async () => {
        const client = new MongoClient(uri);
        await client.db(database).dropDatabase();
        await client.close();
      },
    };
  };
  storeContract('MongoDB', open, { runs });
});
