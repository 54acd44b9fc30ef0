/**
 * One route whose server hangs, one whose server answers 500, one whose function throws, one that is slower than the
 * traffic, one that is fine; all at a steady pace for some minutes. Memory must stay bounded, the fine route must not
 * notice, and the ledger must balance.
 *
 * `node --import tsx --conditions=@tailrace/source faults/five-routes.ts --minutes 10`
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { type Intervals, type LedgerLine, SequenceSet } from 'tailrace/ledger';
import { SOURCE_ARGS } from '../tests/processes.ts';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    rate: { type: 'string', default: '5000' },
    'max-bytes': { type: 'string', default: String(8 * 1024 ** 3) },
  },
});

type Message =
  | { readonly kind: 'notice'; readonly code: string; readonly message: string }
  | {
      readonly kind: 'figures';
      readonly logged: number;
      readonly rss: number;
      readonly heapUsed: number;
      readonly longestTurnMs: number;
    }
  | {
      readonly kind: 'end';
      readonly logged: number;
      readonly ledger: LedgerLine;
      readonly routes: readonly { readonly route: string; readonly deliveredLines: number }[];
      readonly spool: unknown;
    };

const HEAD = /"event_id":"[0-9a-z]+-(\d+)","timestamp":"([^"]+)"/;

/** What arrived on the fine route: its numbers, and how late each was, in classes of a millisecond. */
const arrived = new SequenceSet();
const lagCounts = new Map<number, number>();
let duplicates = 0;

function noteArrival(line: string): void {
  const head = HEAD.exec(line);
  if (head?.[1] === undefined || head[2] === undefined) return;
  if (!arrived.add(Number(head[1]))) duplicates += 1;
  const lagMs = Math.max(0, Date.now() - Date.parse(head[2]));
  lagCounts.set(lagMs, (lagCounts.get(lagMs) ?? 0) + 1);
}

async function respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  if (request.url?.startsWith('/hang')) return;
  if (request.url?.startsWith('/error')) {
    response.writeHead(500).end('out of order');
    return;
  }
  const body = Buffer.concat(chunks);
  const text = (request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body).toString();
  const lines = text.split('\n').slice(0, -1);
  for (const line of lines) noteArrival(line);
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ accepted: lines.length, duplicates: 0, refused: [] }));
}

function lagAt(share: number): number {
  const total = [...lagCounts.values()].reduce((sum, count) => sum + count, 0);
  let seen = 0;
  for (const [lagMs, count] of [...lagCounts].sort(([a], [b]) => a - b)) {
    seen += count;
    if (seen >= total * share) return lagMs;
  }
  return Number.NaN;
}

function megabytes(bytes: number): number {
  return Math.round(bytes / 1024 / 1024);
}

/** Numbers that are neither on the fine route nor named as lost. */
function unaccounted(ledger: LedgerLine): Intervals {
  const known = arrived.clone();
  const lost = [...Object.values(ledger.dropped), ...Object.values(ledger.dead)];
  for (const { sequences } of lost) for (const [from, to] of sequences) known.addRange(from, to);
  return known.holes(ledger.sequence);
}

const folder = await mkdtemp(join(tmpdir(), 'tailrace-five-routes-'));
const http = createServer((request, response) => {
  respond(request, response).catch(() => response.destroy());
});
http.listen(0, '127.0.0.1');
await once(http, 'listening');
const address = http.address();
if (address === null || typeof address === 'string') throw new Error('the server has no port');
const application = spawn(
  process.execPath,
  [
    ...SOURCE_ARGS,
    fileURLToPath(new URL('five-routes-application.ts', import.meta.url)),
    folder,
    `http://127.0.0.1:${address.port}`,
    String(Number(values.minutes) * 60),
    values.rate,
    values['max-bytes'],
  ],
  { stdio: ['ignore', 'pipe', 'inherit'] },
);

const rssByMinute: number[] = [];
let seconds = 0;
let longestTurnMs = 0;
let end: Extract<Message, { readonly kind: 'end' }> | undefined;
try {
  for await (const text of createInterface({ input: application.stdout })) {
    const message: Message = JSON.parse(text);
    if (message.kind === 'notice') console.log(`${message.code}: ${message.message}`);
    if (message.kind === 'end') end = message;
    if (message.kind !== 'figures') continue;
    const minute = Math.floor(seconds / 60);
    seconds += 1;
    longestTurnMs = Math.max(longestTurnMs, message.longestTurnMs);
    rssByMinute[minute] = Math.max(rssByMinute[minute] ?? 0, megabytes(message.rss));
    if (seconds % 60 === 0) {
      const heap = `heap ${megabytes(message.heapUsed)} MB`;
      console.log(
        `${minute + 1} min: ${message.logged} lines, at most ${rssByMinute[minute]} MB, ${heap}, fine route p99 ${lagAt(0.99)} ms late`,
      );
    }
  }
  if (end === undefined) throw new Error('the application ended before its time');
  const { ledger } = end;
  const sum = (counts: Readonly<Record<string, number>>) => Object.values(counts).reduce((a, b) => a + b, 0);
  const missing = unaccounted(ledger);
  const report = {
    logged: end.logged,
    rssMbByMinute: rssByMinute,
    lagMs: { p50: lagAt(0.5), p99: lagAt(0.99), p999: lagAt(0.999), max: lagAt(1) },
    longestTurnMs,
    emitted: ledger.emitted,
    kept: sum(ledger.kept),
    sampledOut: sum(ledger.sampled_out),
    arrived: arrived.size,
    duplicates,
    dropped: Object.fromEntries(Object.entries(ledger.dropped).map(([reason, { count }]) => [reason, count])),
    dead: Object.fromEntries(Object.entries(ledger.dead).map(([route, { count }]) => [route, count])),
    missing,
    deliveredByRoute: Object.fromEntries(end.routes.map(({ route, deliveredLines }) => [route, deliveredLines])),
    spool: end.spool,
  };
  console.log(JSON.stringify(report, undefined, 2));
  const isBalanced = report.emitted === report.kept + report.sampledOut && missing.length === 0;
  process.exitCode = isBalanced ? 0 : 1;
} finally {
  application.kill('SIGKILL');
  http.closeAllConnections();
  http.close();
  await rm(folder, { recursive: true, force: true });
}
