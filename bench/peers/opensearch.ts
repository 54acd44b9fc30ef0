/**
 * OpenSearch, one node: one index with one shard and no replica, words as `keyword`, what people search in as `text`, found after a
 * second; otherwise its defaults, among them a translog that is synced before each answer.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { opensearch as service } from '../../scripts/services.d/opensearch.ts';
import type { Dataset } from '../cases/server-events.ts';
import { connectHttp, type HttpPeer } from './http.ts';
import type { Questions, RunningPeer, ServerPeer } from './peer.ts';
import { field, fieldAt, rowsOf } from './read-json.ts';
import { missingService, startFor } from './started-service.ts';

const POLL_MS = 500;
const TEXT_FIELDS = ['message', 'error.message', 'note'];
const KEYWORD = { type: 'keyword', ignore_above: 1024 };

const INDEX = {
  settings: { number_of_shards: 1, number_of_replicas: 0, refresh_interval: '1s' },
  mappings: {
    dynamic_templates: [{ words: { match_mapping_type: 'string', mapping: KEYWORD } }],
    properties: {
      timestamp: { type: 'date' },
      duration_ms: { type: 'double' },
      ...Object.fromEntries(TEXT_FIELDS.map((name) => [name, { type: 'text' }])),
    },
  },
};

export const opensearch: ServerPeer = {
  name: 'OpenSearch',
  missing: () => missingService(service),
  start: async (folder): Promise<RunningPeer> => {
    const started = await startFor(service, folder);
    const http = connectHttp(started.url, 4);
    await http.json('PUT', '/events', INDEX);
    return {
      name: 'OpenSearch',
      notes: ['OpenSearch: an acknowledgement means that the translog is synced; ids are its own, so doubles are kept'],
      pid: started.pid,
      write: async (lines) => {
        const body = `${lines.map((line) => `{"create":{}}\n${line}`).join('\n')}\n`;
        const answer = await http.send('POST', '/events/_bulk?filter_path=errors', body, 'application/x-ndjson');
        if (field(JSON.parse(answer), 'errors') !== false) throw new Error('OpenSearch refused events');
      },
      count: async () => Number(field(await http.json('GET', '/events/_count'), 'count')),
      settle: async () => {
        await http.json('POST', '/events/_flush?wait_if_ongoing=true');
        while ((await statistic(http, 'merges', 'current')) > 0) await sleep(POLL_MS);
        const segments = await statistic(http, 'segments', 'count');
        return `OpenSearch: flushed, its own merges awaited, ${segments} segments, default codec`;
      },
      storedBytes: () => statistic(http, 'store', 'size_in_bytes'),
      questions: questions(http),
      close: async () => {
        http.close();
        await started.close();
      },
    };
  },
};

function questions(http: HttpPeer): Questions {
  const time = ({ fromMs, toMs }: Pick<Dataset, 'fromMs' | 'toMs'>) => ({
    range: { timestamp: { gte: fromMs, lt: toMs, format: 'epoch_millis' } },
  });
  const all = (dataset: Dataset) => ({ bool: { filter: [time(dataset)] } });
  return {
    'find by id': async ({ asked }) => {
      const [hit] = await hits(http, { size: 1, query: { term: { event_id: asked.id } } });
      return String(fieldAt(hit, '_source', 'trace_id'));
    },
    'errors of one service in one hour': async ({ asked }) => {
      const hour = time({ fromMs: asked.hourFromMs, toMs: asked.hourToMs });
      const filter = [{ term: { service: asked.service } }, { term: { level: 'error' } }, hour];
      const found = await hits(http, { size: 100, query: { bool: { filter } }, sort: [{ timestamp: 'desc' }] });
      return found.map((hit) => String(fieldAt(hit, '_source', 'event_id')));
    },
    'count by minute': async (dataset) => {
      const aggs = { minutes: { date_histogram: { field: 'timestamp', fixed_interval: '1m' } } };
      const found = await search(http, { size: 0, query: all(dataset), aggs });
      return rowsOf(fieldAt(found, 'aggregations', 'minutes', 'buckets')).map((row) => Number(field(row, 'doc_count')));
    },
    'p99 by route': async (dataset) => {
      const p99 = { percentiles: { field: 'duration_ms', percents: [99] } };
      const aggs = { routes: { terms: { field: 'route', size: 100, order: { _key: 'asc' } }, aggs: { p99 } } };
      const found = await search(http, { size: 0, query: all(dataset), aggs });
      return rowsOf(fieldAt(found, 'aggregations', 'routes', 'buckets')).map((row) =>
        Number(fieldAt(row, 'p99', 'values', '99.0')),
      );
    },
    'full-text word': async (dataset) => {
      const word = { multi_match: { query: dataset.asked.word, fields: TEXT_FIELDS } };
      const query = { bool: { filter: [time(dataset), word] } };
      return Number(fieldAt(await search(http, { size: 0, track_total_hits: true, query }), 'hits', 'total', 'value'));
    },
    'top 10 slowest': async (dataset) => {
      const found = await hits(http, { size: 10, query: all(dataset), sort: [{ duration_ms: 'desc' }] });
      return found.map((hit) => Number(fieldAt(hit, '_source', 'duration_ms')));
    },
    'distinct users': async (dataset) => {
      const aggs = { users: { cardinality: { field: 'user.id' } } };
      const found = await search(http, { size: 0, query: all(dataset), aggs });
      return Number(fieldAt(found, 'aggregations', 'users', 'value'));
    },
  };
}

/** Without the cache of answers: it would answer the second round from memory. */
function search(http: HttpPeer, body: Readonly<Record<string, unknown>>): Promise<unknown> {
  return http.json('POST', '/events/_search?request_cache=false', body);
}

async function hits(http: HttpPeer, body: Readonly<Record<string, unknown>>): Promise<readonly unknown[]> {
  return rowsOf(fieldAt(await search(http, { track_total_hits: false, ...body }), 'hits', 'hits'));
}

async function statistic(http: HttpPeer, ...path: readonly string[]): Promise<number> {
  return Number(fieldAt(await http.json('GET', '/events/_stats'), '_all', 'primaries', ...path));
}
