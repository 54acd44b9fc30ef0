import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { askHttp } from './asking.ts';
import type { Service } from './service.ts';
import { installSoftware, needProgram, run, softwareFolder } from './software.ts';

const SOFTWARE = 'chdb-3.4.0';
const HTTP_INTERFACE = fileURLToPath(new URL('clickhouse-http.ts', import.meta.url));

/** ClickHouse's engine (chDB) behind its HTTP interface: see `clickhouse-http.ts` for what it can't do. */
export const clickhouse: Service = {
  name: 'clickhouse',
  defaultPort: 17123,
  url: (port) => `http://127.0.0.1:${port}`,
  isInstalled: () => existsSync(softwareFolder(SOFTWARE)),
  install: () =>
    installSoftware(SOFTWARE, (folder) =>
      run(
        needProgram('npm', 'comes with Node'),
        ['install', '--no-audit', '--no-fund', '--no-save'].concat(['--prefix', folder, 'chdb@3.4.0']),
      ),
    ),
  prepare: ({ port, dataFolder }) => ({
    file: process.execPath,
    args: [
      '--import',
      import.meta.resolve('tsx'),
      HTTP_INTERFACE,
      `${port}`,
      dataFolder,
      join(softwareFolder(SOFTWARE), 'node_modules'),
    ],
  }),
  isReady: async (port) => (await askHttp(`http://127.0.0.1:${port}/ping`)) === 'Ok.\n',
};
