/**
 * ClickHouse's engine (chDB) behind its HTTP interface, in a MergeTree as its documentation on logs advises: columns for
 * what is always there, words as LowCardinality, ZSTD, sorted by service and time, the rest in a JSON column; no
 * Nullable, since an empty text says as much, and costs less.
 *
 * It is the engine, not the daemon: the front is a small Node program, which hands each statement over as text and answers one at a
 * time. What that adds to a query is told beside the figures (`SELECT 1`).
 */

import { folderBytes } from '../../load/built-server.ts';
import { clickhouse as service } from '../../scripts/services.d/clickhouse.ts';
import type { Dataset } from '../cases/server-events.ts';
import { connectHttp, type HttpPeer } from './http.ts';
import type { Questions, RunningPeer, ServerPeer } from './peer.ts';
import { field, linesOfJson, numbersIn, textIn } from './read-json.ts';
import { missingService, startFor } from './started-service.ts';

const WORD = 'LowCardinality(String) CODEC(ZSTD(1))';
const TEXT = 'String CODEC(ZSTD(1))';
const NUMBER = 'Float64 CODEC(ZSTD(1))';

/** The columns, by the names of the events' fields. */
const COLUMNS: Readonly<Record<string, string>> = {
  event_id: TEXT,
  timestamp: "DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1))",
  level: WORD,
  message: TEXT,
  topic: WORD,
  service: WORD,
  version: WORD,
  environment: WORD,
  host: WORD,
  route: WORD,
  method: WORD,
  status: 'UInt16 CODEC(ZSTD(1))',
  duration_ms: NUMBER,
  request_id: TEXT,
  trace_id: TEXT,
  span_id: TEXT,
  'user.id': TEXT,
  'user.role': WORD,
  'error.code': WORD,
  'error.type': WORD,
  'error.message': TEXT,
  steps: TEXT,
  'sampling.rule': WORD,
  'sampling.rate': NUMBER,
};
const TABLE = `CREATE TABLE events (${Object.entries(COLUMNS)
  .map(([name, type]) => `\`${name}\` ${type}`)
  .join(', ')}, attributes JSON CODEC(ZSTD(1)))
  ENGINE = MergeTree PARTITION BY toDate(timestamp) ORDER BY (service, timestamp)`;

export const clickhouse: ServerPeer = {
  name: 'ClickHouse engine',
  missing: () => missingService(service),
  start: async (folder): Promise<RunningPeer> => {
    const started = await startFor(service, folder);
    const http = connectHttp(started.url, 4);
    await http.send('POST', '/', TABLE);
    return {
      name: 'ClickHouse engine',
      notes: [
        'ClickHouse engine: the engine as a library (chDB) behind a small HTTP front, not the daemon; an acknowledgement means written, not synced',
      ],
      pid: started.pid,
      write: async (lines) => {
        await http.send(
          'POST',
          `/?query=${encodeURIComponent('INSERT INTO events FORMAT JSONEachRow')}&date_time_input_format=best_effort`,
          rowsFor(lines),
        );
      },
      count: async () => Number(field(await one(http, 'SELECT count() AS n FROM events'), 'n')),
      settle: async () => {
        await http.send('POST', '/', 'OPTIMIZE TABLE events FINAL');
        return 'ClickHouse engine: OPTIMIZE FINAL, one part a day, which its background merges come near to in time';
      },
      storedBytes: async () => {
        const sql = "SELECT sum(bytes_on_disk) AS n FROM system.parts WHERE active AND table = 'events'";
        const bytes = Number(field(await one(http, sql), 'n'));
        const onDisk = await folderBytes(started.dataFolder);
        if (onDisk < bytes) throw new Error(`ClickHouse says ${bytes} bytes, the folder has ${onDisk}`);
        return bytes;
      },
      questions: questions(http),
      close: async () => {
        http.close();
        await started.close();
      },
    };
  },
};

/** What has a column stays, the rest goes into `attributes`. */
function rowsFor(lines: readonly string[]): string {
  let text = '';
  for (const line of lines) {
    const event: Readonly<Record<string, unknown>> = JSON.parse(line);
    const row: Record<string, unknown> = {};
    const attributes: Record<string, unknown> = {};
    for (const [name, value] of Object.entries(event)) {
      if (name === 'schema') continue;
      if (name === 'steps') row[name] = JSON.stringify(value);
      else if (Object.hasOwn(COLUMNS, name)) row[name] = value;
      else attributes[name] = value;
    }
    text += `${JSON.stringify({ ...row, attributes })}\n`;
  }
  return text;
}

function questions(http: HttpPeer): Questions {
  const time = (ms: number): string => `fromUnixTimestamp64Milli(${ms}, 'UTC')`;
  const within = ({ fromMs, toMs }: Pick<Dataset, 'fromMs' | 'toMs'>): string =>
    `timestamp >= ${time(fromMs)} AND timestamp < ${time(toMs)}`;
  return {
    'find by id': async ({ asked }) =>
      String(field(await one(http, `SELECT * FROM events WHERE event_id = '${asked.id}' LIMIT 1`), 'trace_id')),
    'errors of one service in one hour': async ({ asked }) => {
      const hour = within({ fromMs: asked.hourFromMs, toMs: asked.hourToMs });
      const where = `service = '${asked.service}' AND level = 'error' AND ${hour}`;
      return textIn(
        await rows(http, `SELECT * FROM events WHERE ${where} ORDER BY timestamp DESC LIMIT 100`),
        'event_id',
      );
    },
    'count by minute': async (dataset) => {
      const sql = `SELECT toStartOfMinute(timestamp) AS minute, count() AS n FROM events WHERE ${within(dataset)} GROUP BY minute ORDER BY minute`;
      return numbersIn(await rows(http, sql), 'n');
    },
    'p99 by route': async (dataset) => {
      const sql = `SELECT route, quantile(0.99)(duration_ms) AS p99 FROM events WHERE ${within(dataset)} GROUP BY route ORDER BY route`;
      return numbersIn(await rows(http, sql), 'p99');
    },
    'full-text word': async (dataset) => {
      const texts = ['message', '`error.message`', 'attributes.note.:String'];
      const where = texts.map((text) => `hasToken(${text}, '${dataset.asked.word}')`).join(' OR ');
      const sql = `SELECT count() AS n FROM events WHERE ${within(dataset)} AND (${where})`;
      return Number(field(await one(http, sql), 'n'));
    },
    'top 10 slowest': async (dataset) => {
      const sql = `SELECT * FROM events WHERE ${within(dataset)} ORDER BY duration_ms DESC LIMIT 10`;
      return numbersIn(await rows(http, sql), 'duration_ms');
    },
    'distinct users': async (dataset) => {
      const sql = `SELECT uniq(\`user.id\`) AS n FROM events WHERE ${within(dataset)}`;
      return Number(field(await one(http, sql), 'n'));
    },
  };
}

async function rows(http: HttpPeer, sql: string): Promise<unknown[]> {
  return linesOfJson(await http.send('POST', '/', `${sql} FORMAT JSONEachRow`, 'text/plain'));
}

async function one(http: HttpPeer, sql: string): Promise<unknown> {
  const [row] = await rows(http, sql);
  return row;
}
