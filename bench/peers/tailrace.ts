/** The built server with its defaults. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { BuiltServer, folderBytes } from '../../load/built-server.ts';
import type { Dataset } from '../cases/server-events.ts';
import { connectHttp, type HttpPeer } from './http.ts';
import type { Questions, RunningPeer, ServerPeer } from './peer.ts';
import { field, numbersIn, rowsOf, textIn } from './read-json.ts';

/** A past hour is merged five minutes after the last write to it; the upkeep looks once a minute. */
const MERGED_AFTER_MS = 6 * 60_000 + 15_000;
const POLL_MS = 500;

export const tailrace: ServerPeer = {
  name: 'Tailrace',
  missing: () => undefined,
  start: async (folder): Promise<RunningPeer> => {
    const server = await BuiltServer.start({ dataDir: folder });
    const http = connectHttp(server.url, 4);
    let lastWriteMs = Date.now();
    return {
      name: 'Tailrace',
      notes: ['an acknowledgement means fdatasync; each event is checked, searched for secrets and told from doubles'],
      pid: server.pid,
      write: async (lines) => {
        const answer = await http.send('POST', '/v1/events', `${lines.join('\n')}\n`, 'application/x-ndjson');
        if (field(JSON.parse(answer), 'accepted') !== lines.length)
          throw new Error(`Tailrace: ${answer.slice(0, 300)}`);
        lastWriteMs = Date.now();
      },
      count: async () => {
        const [row] = await query(http, { from: '-30d', to: 'now', aggregates: [{ fn: 'count', as: 'n' }] });
        return Number(field(row, 'n'));
      },
      settle: async (isHasty) => {
        while ((await metric(http, 'tailrace_store_hot_events')) > 0) await sleep(POLL_MS);
        const segments = await metric(http, 'tailrace_store_segments');
        if (isHasty) return `Tailrace: committed by itself, past hours not merged yet, ${segments} segments`;
        if (segments > 1) await sleep(Math.max(0, lastWriteMs + MERGED_AFTER_MS - Date.now()));
        const merged = await metric(http, 'tailrace_store_segments');
        return `Tailrace: committed by itself, past hours merged after five quiet minutes, ${merged} segments (before ${segments})`;
      },
      storedBytes: () => folderBytes(join(folder, 'store', 'segments')),
      questions: questions(http),
      close: async () => {
        http.close();
        await server.end('SIGKILL');
      },
    };
  },
};

function questions(http: HttpPeer): Questions {
  const range = ({ fromMs, toMs }: Pick<Dataset, 'fromMs' | 'toMs'>) => ({
    from: new Date(fromMs).toISOString(),
    to: new Date(toMs).toISOString(),
  });
  return {
    'find by id': async ({ asked }) => {
      const found = await http.json('GET', `/v1/events/${asked.id}`);
      return String(field(field(found, 'event'), 'trace_id'));
    },
    'errors of one service in one hour': async ({ asked }) => {
      const rows = await query(http, {
        ...range({ fromMs: asked.hourFromMs, toMs: asked.hourToMs }),
        where: `service:${asked.service} level:error`,
        limit: 100,
      });
      return textIn(rows, 'event_id');
    },
    'count by minute': async (dataset) => {
      const aggregates = [{ fn: 'count', as: 'n' }];
      return numbersIn(await query(http, { ...range(dataset), aggregates, bucket: '1m', limit: 10_000 }), 'n');
    },
    'p99 by route': async (dataset) => {
      const rows = await query(http, {
        ...range(dataset),
        groupBy: ['route'],
        aggregates: [{ fn: 'percentile', field: 'duration_ms', p: 99, as: 'p99' }],
        orderBy: [{ column: 'route', direction: 'asc' }],
      });
      return numbersIn(rows, 'p99');
    },
    'full-text word': async (dataset) => {
      const aggregates = [{ fn: 'count', as: 'n' }];
      const [row] = await query(http, { ...range(dataset), where: dataset.asked.word, aggregates });
      return Number(field(row, 'n'));
    },
    'top 10 slowest': async (dataset) => {
      const orderBy = [{ column: 'duration_ms', direction: 'desc' }];
      return numbersIn(await query(http, { ...range(dataset), orderBy, limit: 10 }), 'duration_ms');
    },
    'distinct users': async (dataset) => {
      const aggregates = [{ fn: 'distinct', field: 'user.id', as: 'n' }];
      const [row] = await query(http, { ...range(dataset), aggregates });
      return Number(field(row, 'n'));
    },
  };
}

async function query(http: HttpPeer, plan: Readonly<Record<string, unknown>>): Promise<readonly unknown[]> {
  return rowsOf(field(await http.json('POST', '/v1/query', plan), 'rows'));
}

async function metric(http: HttpPeer, name: string): Promise<number> {
  const found = new RegExp(`^${name} (\\S+)$`, 'm').exec(await http.send('GET', '/metrics'))?.[1];
  if (found === undefined) throw new Error(`Tailrace: there is no metric ${name}`);
  return Number(found);
}
