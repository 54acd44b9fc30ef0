import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { askBytes } from './asking.ts';
import { installJars } from './jars.ts';
import type { Place, Service } from './service.ts';
import { needProgram, run, softwareFolder } from './software.ts';

const SOFTWARE = 'kafka-4.3.1';
const POM = fileURLToPath(new URL('kafka-pom.xml', import.meta.url));

/** Apache Kafka, one node that is broker and controller (KRaft). Topics aren't made by asking for them. */
export const kafka: Service = {
  name: 'kafka',
  defaultPort: 17092,
  innerPorts: 1,
  url: (port) => `127.0.0.1:${port}`,
  isInstalled: () => existsSync(softwareFolder(SOFTWARE)),
  install: () => installJars(SOFTWARE, POM),
  prepare: async (place) => {
    const java = needProgram('java', 'Debian: openjdk-17-jre-headless');
    const classPath = ['-cp', join(softwareFolder(SOFTWARE), '*')];
    const configuration = join(place.dataFolder, '..', 'server.properties');
    await writeFile(configuration, properties(place));
    if (!existsSync(join(place.dataFolder, 'meta.properties'))) {
      const format = ['kafka.tools.StorageTool', 'format', '--standalone', '--cluster-id', clusterId()];
      await run(java, [...classPath, ...format, '--config', configuration]);
    }
    const jvm = ['-Xmx512m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'];
    const log = ['-Dorg.slf4j.simpleLogger.showDateTime=true', '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn'];
    return { file: java, args: [...jvm, ...log, ...classPath, 'kafka.Kafka', configuration] };
  },
  // ApiVersions (key 18), version 0, correlation 1, no client id: answered only when the broker takes requests.
  isReady: async (port) =>
    (await askBytes(port, Buffer.from('0000000a 0012 0000 00000001 ffff'.replaceAll(' ', ''), 'hex'))) !== undefined,
};

/** 16 bytes in URL-safe Base64 that don't begin with a dash, which the tool would read as an option. */
function clusterId(): string {
  return `T${randomBytes(16).toString('base64url').slice(1)}`;
}

function properties({ port, innerPorts: [controller], dataFolder }: Place): string {
  const listeners = `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controller}`;
  return `process.roles=broker,controller
node.id=1
controller.quorum.bootstrap.servers=127.0.0.1:${controller}
listeners=${listeners}
advertised.listeners=${listeners}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
controller.listener.names=CONTROLLER
log.dirs=${dataFolder}
auto.create.topics.enable=false
# One node: internal topics can't have three replicas.
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
# After a kill -9 a broker may not register again before its old session has ended: 9 seconds by default.
broker.session.timeout.ms=2000
broker.heartbeat.interval.ms=500
# 128 MiB of heap by default.
log.cleaner.dedupe.buffer.size=16777216
`;
}
