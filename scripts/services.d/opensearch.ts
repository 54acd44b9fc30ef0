import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { askHttp } from './asking.ts';
import { installJars } from './jars.ts';
import type { Service } from './service.ts';
import { needProgram, softwareFolder } from './software.ts';

const SOFTWARE = 'opensearch-2.19.1';
const POM = fileURLToPath(new URL('opensearch-pom.xml', import.meta.url));
const MAIN = fileURLToPath(new URL('OpenSearchServer.java', import.meta.url));

/** OpenSearch, one node, HTTP without TLS or login. */
export const opensearch: Service = {
  name: 'opensearch',
  defaultPort: 17200,
  innerPorts: 1,
  url: (port) => `http://127.0.0.1:${port}`,
  isInstalled: () => existsSync(softwareFolder(SOFTWARE)),
  install: () => installJars(SOFTWARE, POM),
  prepare: ({ port, innerPorts: [transportPort], dataFolder }) => {
    // Heap and collector as OpenSearch sets them out of the box.
    const jvm = ['-Xms1g', '-Xmx1g', '-XX:+UseG1GC', '-XX:+AlwaysPreTouch', '-Dlog4j2.level=WARN'];
    const classPath = ['-cp', join(softwareFolder(SOFTWARE), '*')];
    return {
      file: needProgram('java', 'Debian: openjdk-17-jdk-headless'),
      args: [...jvm, ...classPath, MAIN, dataFolder, `${port}`, `${transportPort}`],
    };
  },
  isReady: async (port) =>
    (await askHttp(`http://127.0.0.1:${port}/_cluster/health?wait_for_status=yellow&timeout=1s`)) !== undefined,
};
