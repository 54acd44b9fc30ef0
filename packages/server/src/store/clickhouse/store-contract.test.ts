import { randomBytes } from 'node:crypto';
import { createClient } from '@clickhouse/client';
import { describe } from 'vitest';
import { needService } from '../../../../../tests/services.ts';
import { storeContract } from '../testing/store-contract.ts';
import { openClickHouseStore } from './clickhouse-store.ts';

const service = await needService('clickhouse');

describe.skipIf(service === undefined)('with a ClickHouse', () => {
  storeContract('ClickHouse', async ({ clock }) => {
    const url = service?.url ?? '';
    const database = `test_${randomBytes(6).toString('hex')}`;
    // The events of the contract are of one day, which may be long ago.
    const retention = { maxAgeMs: Number.POSITIVE_INFINITY };
    const open = () => openClickHouseStore({ url, database, clock, retention, promote: ['payment.amount', 'a/b~c'] });
    return {
      store: await open(),
      reopen: open,
      openAnother: open,
      remove: async () => {
        const client = createClient({ url });
        await client.command({ query: `DROP DATABASE IF EXISTS ${database}` });
        await client.close();
      },
    };
  });
});
