/** The store that the settings name. Only its module is loaded, and with it only its driver. */
import { join } from 'node:path';
import type { LiveConfig } from '../live-config.ts';
import type { Store } from '../store/store.ts';

const DAY_MS = 86_400_000;

export async function openStore(config: LiveConfig): Promise<Store> {
  switch (config.arrangement.store) {
    case 'duckdb': {
      const { openDuckDbStore } = await import('../store/duckdb/duckdb-store.ts');
      return openDuckDbStore({ directory: join(config.dataDir, 'store'), retention: retentionOf(config) });
    }
    case 'clickhouse': {
      const { openClickHouseStore } = await import('../store/clickhouse/clickhouse-store.ts');
      return openClickHouseStore({
        url: config.clickhouseUrl ?? '',
        retention: retentionOf(config),
        askedBy: 'STORAGE_TYPE=clickhouse',
      });
    }
    case 'mongodb': {
      const { openMongoStore } = await import('../store/mongodb/mongo-store.ts');
      return openMongoStore({
        uri: config.mongodbUri ?? '',
        retention: retentionOf(config),
        askedBy: 'STORAGE_TYPE=mongodb',
      });
    }
  }
}

/** Read at each use, since a reload may change it. */
export function retentionOf(config: LiveConfig) {
  return {
    get maxAgeMs() {
      return config.retentionDays * DAY_MS;
    },
    get maxBytes() {
      return config.retentionBytes;
    },
  };
}
