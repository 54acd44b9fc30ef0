import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { askHttp } from './asking.ts';
import { installGoProgram } from './go-programs.ts';
import type { Service } from './service.ts';
import { softwareFolder } from './software.ts';

const SOFTWARE = 'toxiproxy-2.5.0';

/** toxiproxy: a TCP proxy whose connections are cut, slowed and stopped by HTTP. It keeps nothing on disk. */
export const toxiproxy: Service = {
  name: 'toxiproxy',
  defaultPort: 17474,
  url: (port) => `http://127.0.0.1:${port}`,
  isInstalled: () => existsSync(softwareFolder(SOFTWARE)),
  install: () => installGoProgram(SOFTWARE, 'github.com/Shopify/toxiproxy/v2/cmd/server@v2.5.0'),
  prepare: ({ port }) => ({
    file: join(softwareFolder(SOFTWARE), 'server'),
    args: ['-host', '127.0.0.1', '-port', `${port}`],
  }),
  isReady: async (port) => (await askHttp(`http://127.0.0.1:${port}/version`)) !== undefined,
};
