import { askBytes } from './asking.ts';
import type { Service } from './service.ts';
import { findProgram, installDebianPackages, needProgram } from './software.ts';

/** Redis: each acknowledged write is in the append-only file, so that `kill` loses none. */
export const redis: Service = {
  name: 'redis',
  defaultPort: 17379,
  url: (port) => `redis://127.0.0.1:${port}`,
  isInstalled: () => findProgram('redis-server') !== undefined,
  install: () => installDebianPackages({ 'redis-server': 'redis-server' }),
  prepare: ({ port, dataFolder }) => ({
    file: needProgram('redis-server', 'Debian: redis-server'),
    args: ['--bind', '127.0.0.1', '--port', `${port}`, '--dir', dataFolder, '--appendonly', 'yes'].concat([
      '--appendfsync',
      'always',
      '--save',
      '',
      '--daemonize',
      'no',
    ]),
  }),
  // While it loads its file it answers PING with an error.
  isReady: async (port) => (await askBytes(port, Buffer.from('PING\r\n')))?.toString().startsWith('+PONG') ?? false,
};
