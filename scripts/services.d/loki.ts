import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { askHttp } from './asking.ts';
import { buildGoProgram } from './go-programs.ts';
import type { Place, Service } from './service.ts';
import { softwareFolder } from './software.ts';

const SOFTWARE = 'loki-3.7.8';

/** Grafana Loki, all in one process on local files, with structured metadata. Its build takes five minutes or more. */
export const loki: Service = {
  name: 'loki',
  defaultPort: 17310,
  innerPorts: 1,
  url: (port) => `http://127.0.0.1:${port}`,
  isInstalled: () => existsSync(softwareFolder(SOFTWARE)),
  install: () => buildGoProgram(SOFTWARE, GO_MOD, 'github.com/grafana/loki/v3/cmd/loki'),
  prepare: async (place) => {
    const configuration = join(place.dataFolder, '..', 'loki.yaml');
    await writeFile(configuration, settings(place));
    return { file: join(softwareFolder(SOFTWARE), 'program'), args: [`-config.file=${configuration}`, '-target=all'] };
  },
  isReady: async (port) => (await askHttp(`http://127.0.0.1:${port}/ready`)) !== undefined,
};

/** Loki's own replace lines, without which it doesn't build. */
const GO_MOD = `module tailrace.local/loki
go 1.26
require github.com/grafana/loki/v3 v3.7.8
replace github.com/Azure/azure-sdk-for-go => github.com/Azure/azure-sdk-for-go v68.0.0+incompatible
replace github.com/Azure/azure-storage-blob-go => github.com/MasslessParticle/azure-storage-blob-go v0.14.1-0.20240322194317-344980fda573
replace github.com/gocql/gocql => github.com/grafana/gocql v0.0.0-20200605141915-ba5dc39ece85
replace github.com/hashicorp/memberlist => github.com/grafana/memberlist v0.3.1-0.20251126142931-6f9f62ab6f86
replace github.com/grafana/regexp => github.com/grafana/regexp v0.0.0-20240518133315-a468a5bfb3bc
replace github.com/influxdata/go-syslog/v3 => github.com/leodido/go-syslog/v4 v4.3.0
replace github.com/thanos-io/objstore => github.com/grafana/objstore v0.0.0-20250728171719-b5d3b766d1b0
`;

function settings({ port, innerPorts: [grpcPort], dataFolder }: Place): string {
  return `auth_enabled: false
analytics: { reporting_enabled: false }
server:
  http_listen_address: 127.0.0.1
  http_listen_port: ${port}
  grpc_listen_address: 127.0.0.1
  grpc_listen_port: ${grpcPort}
  log_level: warn
common:
  instance_addr: 127.0.0.1
  path_prefix: ${dataFolder}
  replication_factor: 1
  ring: { instance_addr: 127.0.0.1, kvstore: { store: inmemory } }
  storage: { filesystem: { chunks_directory: ${dataFolder}/chunks, rules_directory: ${dataFolder}/rules } }
ingester:
  lifecycler: { min_ready_duration: 0s, final_sleep: 0s }
  # On local files it looks no further back than three hours by itself.
  query_store_max_look_back_period: -1ns
schema_config:
  configs:
    - { from: 2024-01-01, store: tsdb, object_store: filesystem, schema: v13, index: { prefix: index_, period: 24h } }
# A load of hours in minutes: beyond the limits for a tenant, and older than what is asked of the ingester by itself.
limits_config:
  allow_structured_metadata: true
  reject_old_samples: false
  ingestion_rate_mb: 1024
  ingestion_burst_size_mb: 1024
  per_stream_rate_limit: 1GB
  per_stream_rate_limit_burst: 1GB
querier:
  query_ingesters_within: 0s
# An answer from a cache would say nothing about a question.
query_range:
  cache_results: false
`;
}
