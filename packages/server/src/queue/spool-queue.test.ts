import { join } from 'node:path';
import { describeQueue } from '../../tests/queue-contract.ts';
import { temporaryFolder } from '../../tests/test-server.ts';
import { openSpoolQueue } from './spool-queue.ts';

const MIB = 1024 * 1024;

for (const fsync of ['always', 'off', 50] as const) {
  describeQueue(`spool, fsync ${fsync}`, () => {
    const directory = join(temporaryFolder(), 'queue');
    return {
      open: (from) => openSpoolQueue({ directory, fsync, maxBytes: 64 * MIB, from }),
      openBounded: () => openSpoolQueue({ directory, fsync, maxBytes: 2 * MIB, from: undefined }),
    };
  });
}
