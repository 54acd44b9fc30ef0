/**
 * Grafana Loki, all in one process: service and level are labels, ids are structured metadata, the line is the event's JSON,
 * as its documentation advises. What it can't be asked by its design (rows in the order of a value, tens of thousands of
 * series) is said so.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { folderBytes } from '../../load/built-server.ts';
import { loki as service } from '../../scripts/services.d/loki.ts';
import type { Dataset } from '../cases/server-events.ts';
import { connectHttp, type HttpPeer } from './http.ts';
import type { Questions, RunningPeer, ServerPeer } from './peer.ts';
import { field, fieldAt, rowsOf } from './read-json.ts';
import { missingService, startFor } from './started-service.ts';

const ALL = '{service=~".+"}';
/** A flush that has written nothing for so long is over. */
const FLUSH_MS = 10_000;
const ENDPOINT = '/loki/api/v1';

export const loki: ServerPeer = {
  name: 'Loki',
  missing: () => missingService(service),
  start: async (folder): Promise<RunningPeer> => {
    const started = await startFor(service, folder);
    const http = connectHttp(started.url, 4);
    const storedBytes = async (): Promise<number> =>
      (await folderBytes(`${started.dataFolder}/chunks`)) +
      (await folderBytes(`${started.dataFolder}/tsdb-shipper-active`));
    return {
      name: 'Loki',
      notes: ['Loki: an acknowledgement means that its log is written, not synced; pushed as JSON'],
      pid: started.pid,
      write: async (lines) => {
        await http.send('POST', `${ENDPOINT}/push`, pushOf(lines));
      },
      count: async () => {
        const [series] = await instant(http, `sum(count_over_time(${ALL}[30d]))`, Date.now());
        return series === undefined ? 0 : Number(rowsOf(field(series, 'value'))[1]);
      },
      settle: async () => {
        await http.send('POST', '/flush');
        // It answers before that is done.
        for (let before = Number.NaN, now = await storedBytes(); now !== before; now = await storedBytes()) {
          before = now;
          await sleep(FLUSH_MS);
        }
        return 'Loki: chunks flushed, which it does by itself within two hours';
      },
      storedBytes,
      questions: questions(http),
      close: async () => {
        http.close();
        await started.close();
      },
    };
  },
};

interface Named {
  readonly event_id: string;
  readonly trace_id: string;
  readonly service: string;
  readonly level: string;
  readonly timestamp: string;
}

function pushOf(lines: readonly string[]): string {
  const streams = new Map<string, { stream: Readonly<Record<string, string>>; values: unknown[] }>();
  for (const line of lines) {
    const event: Named = JSON.parse(line);
    const { service: name, level } = event;
    const key = `${name} ${level}`;
    const stream = streams.get(key) ?? { stream: { service: name, level }, values: [] };
    const metadata = { event_id: event.event_id, trace_id: event.trace_id };
    stream.values.push([nanoseconds(Date.parse(event.timestamp)), line, metadata]);
    streams.set(key, stream);
  }
  return JSON.stringify({ streams: [...streams.values()] });
}

function questions(http: HttpPeer): Questions {
  return {
    'find by id': async ({ asked, fromMs, toMs }) => {
      const [line] = await lines(http, `${ALL} | event_id="${asked.id}"`, { fromMs, toMs, limit: 1 });
      return String(field(line, 'trace_id'));
    },
    'errors of one service in one hour': async ({ asked }) => {
      const range = { fromMs: asked.hourFromMs, toMs: asked.hourToMs, limit: 100 };
      const found = await lines(http, `{service="${asked.service}", level="error"}`, range);
      return found.map((event) => String(field(event, 'event_id')));
    },
    'count by minute': async ({ fromMs, toMs }) => {
      // A point tells of the minute before it, its end included.
      const parameters = { query: `sum(count_over_time(${ALL}[1m]))`, step: '60s' };
      const found = await ask(http, 'query_range', {
        ...parameters,
        start: nanoseconds(fromMs + 60_000 - 1),
        end: nanoseconds(toMs - 1),
      });
      const [series] = rowsOf(fieldAt(found, 'data', 'result'));
      return rowsOf(field(series, 'values')).map((point) => Number(rowsOf(point)[1]));
    },
    'p99 by route': async ({ fromMs, toMs }) => {
      const range = `${Math.round((toMs - fromMs) / 1000)}s`;
      const sql = `quantile_over_time(0.99, ${ALL} | json duration="duration_ms", route="route" | unwrap duration [${range}]) by (route)`;
      const series = await instant(http, sql, toMs - 1);
      return series
        .map((one) => ({ route: String(fieldAt(one, 'metric', 'route')), p99: Number(rowsOf(field(one, 'value'))[1]) }))
        .sort((a, b) => (a.route < b.route ? -1 : 1))
        .map(({ p99 }) => p99);
    },
    'full-text word': async ({ asked, fromMs, toMs }) => {
      const range = `${Math.round((toMs - fromMs) / 1000)}s`;
      const [series] = await instant(http, `sum(count_over_time(${ALL} |= "${asked.word}" [${range}]))`, toMs - 1);
      return Number(rowsOf(field(series, 'value'))[1]);
    },
    'top 10 slowest': { why: 'LogQL gives lines in the order of time only' },
    'distinct users': { why: 'it would need a series for each user, and Loki allows 500' },
  };
}

interface LineRange extends Pick<Dataset, 'fromMs' | 'toMs'> {
  readonly limit: number;
}

/** The events that are found, newest first. */
async function lines(http: HttpPeer, query: string, { fromMs, toMs, limit }: LineRange): Promise<unknown[]> {
  const parameters = { query, start: nanoseconds(fromMs), end: nanoseconds(toMs), limit: String(limit) };
  const found = await ask(http, 'query_range', parameters);
  return rowsOf(fieldAt(found, 'data', 'result'))
    .flatMap((stream) => rowsOf(field(stream, 'values')))
    .map((value) => ({ time: BigInt(String(rowsOf(value)[0])), line: String(rowsOf(value)[1]) }))
    .sort((a, b) => (a.time < b.time ? 1 : -1))
    .map(({ line }): unknown => JSON.parse(line));
}

async function instant(http: HttpPeer, query: string, atMs: number): Promise<readonly unknown[]> {
  const found = await ask(http, 'query', { query, time: nanoseconds(atMs) });
  return rowsOf(fieldAt(found, 'data', 'result'));
}

function ask(http: HttpPeer, what: string, parameters: Readonly<Record<string, string>>): Promise<unknown> {
  return http.json('GET', `${ENDPOINT}/${what}?${new URLSearchParams(parameters)}`);
}

function nanoseconds(ms: number): string {
  return `${ms}000000`;
}
