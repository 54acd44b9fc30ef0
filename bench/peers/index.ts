import { clickhouse } from './clickhouse.ts';
import { loki } from './loki.ts';
import { opensearch } from './opensearch.ts';
import type { ServerPeer } from './peer.ts';
import { tailrace } from './tailrace.ts';
import { victorialogs } from './victorialogs.ts';

/** Ours first: its past hours merge five minutes after the last write, while the others are loaded. */
export const SERVER_PEERS: readonly ServerPeer[] = [tailrace, victorialogs, loki, opensearch, clickhouse];
