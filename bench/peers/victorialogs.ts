/**
 * VictoriaLogs, where `VICTORIA_LOGS_BIN` names its binary: no package manager has it. Service and level are its stream, the
 * line is JSON by its own API; otherwise its defaults.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { folderBytes } from '../../load/built-server.ts';
import { askHttp } from '../../scripts/services.d/asking.ts';
import { freePort } from '../../tests/processes.ts';
import type { Dataset } from '../cases/server-events.ts';
import { connectHttp, type HttpPeer } from './http.ts';
import type { Questions, RunningPeer, ServerPeer } from './peer.ts';
import { field, linesOfJson, numbersIn, textIn } from './read-json.ts';

const READY_WITHIN_MS = 30_000;
const INSERT = '/insert/jsonline?_stream_fields=service,level&_time_field=timestamp&_msg_field=message';

export const victorialogs: ServerPeer = {
  name: 'VictoriaLogs',
  missing: () => {
    const file = process.env.VICTORIA_LOGS_BIN;
    if (file === undefined || file === '') return 'VictoriaLogs: VICTORIA_LOGS_BIN names no binary';
    return existsSync(file) ? undefined : `VictoriaLogs: VICTORIA_LOGS_BIN=${file} is not there`;
  },
  start: async (folder): Promise<RunningPeer> => {
    const port = await freePort();
    const data = join(folder, 'data');
    const args = [`-storageDataPath=${data}`, `-httpListenAddr=127.0.0.1:${port}`, '-retentionPeriod=100y'];
    const child = spawn(process.env.VICTORIA_LOGS_BIN ?? '', args, { stdio: 'ignore' });
    await once(child, 'spawn');
    const { pid } = child;
    if (pid === undefined) throw new Error('VictoriaLogs has no process');
    const url = `http://127.0.0.1:${port}`;
    const deadline = Date.now() + READY_WITHIN_MS;
    while ((await askHttp(`${url}/health`)) === undefined) {
      if (child.exitCode !== null || Date.now() > deadline) throw new Error('VictoriaLogs does not get ready');
      await sleep(50);
    }
    const http = connectHttp(url, 4);
    return {
      name: 'VictoriaLogs',
      notes: ['VictoriaLogs: an acknowledgement means in memory; it writes every five seconds'],
      pid,
      write: async (lines) => {
        await http.send('POST', INSERT, `${lines.join('\n')}\n`, 'application/stream+json');
      },
      count: async () => Number(field(await one(http, '_time:30d | stats count() n'), 'n')),
      settle: async () => {
        await http.send('GET', '/internal/force_flush');
        await http.send('GET', '/internal/force_merge');
        return 'VictoriaLogs: flushed and merged by force, which its background merges come near to in time';
      },
      storedBytes: () => folderBytes(data),
      questions: questions(http),
      close: async () => {
        http.close();
        const ended = once(child, 'exit');
        child.kill('SIGKILL');
        await ended;
      },
    };
  },
};

function questions(http: HttpPeer): Questions {
  const time = ({ fromMs, toMs }: Pick<Dataset, 'fromMs' | 'toMs'>): string =>
    `_time:[${new Date(fromMs).toISOString()}, ${new Date(toMs).toISOString()})`;
  return {
    'find by id': async (dataset) =>
      String(field(await one(http, `${time(dataset)} event_id:="${dataset.asked.id}" | limit 1`), 'trace_id')),
    'errors of one service in one hour': async ({ asked }) => {
      const hour = time({ fromMs: asked.hourFromMs, toMs: asked.hourToMs });
      const query = `${hour} {service="${asked.service}",level="error"} | sort by (_time desc) limit 100`;
      return textIn(await rows(http, query), 'event_id');
    },
    'count by minute': async (dataset) =>
      numbersIn(await rows(http, `${time(dataset)} | stats by (_time:1m) count() n | sort by (_time)`), 'n'),
    'p99 by route': async (dataset) => {
      const query = `${time(dataset)} | stats by (route) quantile(0.99, duration_ms) p99 | sort by (route)`;
      return numbersIn(await rows(http, query), 'p99');
    },
    'full-text word': async (dataset) => {
      const { word } = dataset.asked;
      const query = `${time(dataset)} (_msg:${word} or error.message:${word} or note:${word}) | stats count() n`;
      return Number(field(await one(http, query), 'n'));
    },
    'top 10 slowest': async (dataset) =>
      numbersIn(await rows(http, `${time(dataset)} | sort by (duration_ms desc) limit 10`), 'duration_ms'),
    'distinct users': async (dataset) =>
      Number(field(await one(http, `${time(dataset)} | stats count_uniq(user.id) n`), 'n')),
  };
}

async function rows(http: HttpPeer, query: string): Promise<unknown[]> {
  return linesOfJson(await http.send('GET', `/select/logsql/query?${new URLSearchParams({ query })}`));
}

async function one(http: HttpPeer, query: string): Promise<unknown> {
  const [row] = await rows(http, query);
  return row;
}
