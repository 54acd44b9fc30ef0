import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fillMixedStore } from '../testing/mixed-store.ts';
import { storeContract } from '../testing/store-contract.ts';
import { openDuckDbStore } from './duckdb-store.ts';

let directory = '';

storeContract(
  'DuckDB',
  async ({ clock }) => {
    const own = await mkdtemp(join(tmpdir(), 'tailrace-store-'));
    directory = own;
    const open = () =>
      openDuckDbStore({ directory: own, threads: 2, memoryLimit: '256MB', clock, merge: { fanIn: 100, quietMs: 0 } });
    return { store: await open(), reopen: open, remove: () => rm(own, { recursive: true, force: true }) };
  },
  { fill: (store, lines) => fillMixedStore(store, lines, directory) },
);
