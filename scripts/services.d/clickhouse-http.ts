/**
 * ClickHouse's HTTP interface in front of its engine as a library (chDB): enough for `@clickhouse/client`, so that tables,
 * inserts and queries can be tested against the real thing. As in the server, the statement is the `query` parameter
 * followed by the body, other parameters are settings for this one request, and `param_*` are the query's own.
 *
 * Not there: users and rights, sessions, cancelling, progress. It answers one statement at a time, so it says nothing
 * about speed under load.
 *
 *   clickhouse-http.ts PORT DATA_FOLDER NODE_MODULES_WITH_CHDB
 */

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { brotliDecompressSync, gunzipSync, gzipSync, inflateSync } from 'node:zlib';

interface Engine {
  query(statement: string, format?: string): string;
  queryAsync(statement: string, options: { format: string }): Promise<{ bytes(): Uint8Array; rowsRead: number }>;
  close(): void;
}

interface Statement {
  readonly text: string;
  readonly database: string;
  readonly format: string;
  readonly settings: ReadonlyMap<string, string>;
}

/** Parameters of the interface that are no settings of the engine. */
const OWN_PARAMETERS = new Set(
  (
    'query query_id database default_format session_id session_timeout session_check user password role ' +
    'enable_http_compression compress decompress wait_end_of_query buffer_size send_progress_in_http_headers ' +
    'http_headers_progress_interval_ms cancel_http_readonly_queries_on_client_close'
  ).split(' '),
);

const DECODERS: Readonly<Record<string, (body: Buffer) => Buffer>> = {
  gzip: gunzipSync,
  deflate: inflateSync,
  br: brotliDecompressSync,
};

/** By exception code: unknown database, table or column; syntax, settings and values. Anything else is 500. */
const NOT_FOUND = new Set([16, 47, 60, 81]);
const BAD_REQUEST = new Set([6, 26, 27, 62, 72, 115, 117, 456]);

const [port, dataFolder, modules] = process.argv.slice(2);
if (port === undefined || dataFolder === undefined || modules === undefined)
  throw new Error('clickhouse-http.ts PORT DATA_FOLDER NODE_MODULES_WITH_CHDB');
const engine = openEngine(dataFolder, modules);

let lastTurn: Promise<unknown> = Promise.resolve();

const server = createServer((request, response) => {
  answer(request, response).catch((error: unknown) => refuse(response, error));
});
server.listen(Number(port), '127.0.0.1');
process.once('SIGTERM', () => {
  server.close();
  server.closeAllConnections();
  engine.close();
  process.exit(0);
});

function openEngine(folder: string, from: string): Engine {
  const { Session }: { Session: new (folder: string) => Engine } = createRequire(join(from, 'any.js'))('chdb');
  return new Session(folder);
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://127.0.0.1');
  if (request.method === 'GET' && !url.searchParams.has('query')) {
    response.end('Ok.\n');
    return;
  }
  const statement = await readStatement(request, url.searchParams);
  const turn = lastTurn.then(() => execute(statement));
  lastTurn = turn.catch(() => undefined);
  const { bytes, rowsRead } = await turn;
  response.setHeader('Content-Type', contentType(statement.format));
  response.setHeader('X-ClickHouse-Format', statement.format);
  response.setHeader('X-ClickHouse-Query-Id', url.searchParams.get('query_id') ?? '');
  response.setHeader('X-ClickHouse-Summary', JSON.stringify({ read_rows: `${rowsRead}` }));
  const wantsGzip =
    url.searchParams.get('enable_http_compression') === '1' && /gzip/.test(`${request.headers['accept-encoding']}`);
  if (wantsGzip) response.setHeader('Content-Encoding', 'gzip');
  response.end(wantsGzip ? gzipSync(bytes) : bytes);
}

async function readStatement(request: IncomingMessage, parameters: URLSearchParams): Promise<Statement> {
  const type = request.headers['content-type'] ?? '';
  let body = await buffer(request);
  if (type.startsWith('multipart/form-data')) {
    // Parameters that are too long for an address come as a form, and the query with them.
    const form = await new Response(body, { headers: { 'content-type': type } }).formData();
    for (const [name, value] of form) parameters.set(name, `${value}`);
    body = Buffer.alloc(0);
  }
  const decode = DECODERS[request.headers['content-encoding'] ?? ''];
  const data = (decode === undefined ? body : decode(body)).toString('utf8');
  const query = parameters.get('query');
  const text = query === null ? data : data === '' ? query : `${query}\n${data}`;
  const head = query ?? data;
  const named = /\bFORMAT\s+(\w+)[\s;]*$/i.exec(head)?.[1];
  return {
    text,
    database: parameters.get('database') ?? `${request.headers['x-clickhouse-database'] ?? 'default'}`,
    format: named ?? parameters.get('default_format') ?? `${request.headers['x-clickhouse-format'] ?? 'TabSeparated'}`,
    settings: new Map([...parameters].filter(([name]) => !OWN_PARAMETERS.has(name))),
  };
}

/** All requests share one session of the engine: what one sets is taken back before the next. */
async function execute({
  text,
  database,
  format,
  settings,
}: Statement): Promise<{ bytes: Uint8Array; rowsRead: number }> {
  const set: string[] = [];
  try {
    engine.query(`USE ${quote(database, '`')}`);
    for (const [name, value] of settings) {
      engine.query(`SET ${quote(name, '`')} = ${quote(value, "'")}`);
      if (!name.startsWith('param_')) set.push(name);
    }
    const result = await engine.queryAsync(text, { format });
    return { bytes: result.bytes(), rowsRead: result.rowsRead };
  } finally {
    for (const name of set) engine.query(`SET ${quote(name, '`')} = DEFAULT`);
  }
}

function quote(text: string, mark: '`' | "'"): string {
  return mark + text.replaceAll('\\', '\\\\').replaceAll(mark, `\\${mark}`) + mark;
}

function contentType(format: string): string {
  if (/^JSON(?:Compact)?(?:Strings)?EachRow/.test(format)) return 'application/x-ndjson; charset=UTF-8';
  if (format.startsWith('JSON')) return 'application/json; charset=UTF-8';
  return 'text/tab-separated-values; charset=UTF-8';
}

function refuse(response: ServerResponse, error: unknown): void {
  const message = (error instanceof Error ? error.message : String(error)).replace(/^Query failed: /, '');
  const code = Number(/^Code: (\d+)/.exec(message)?.[1] ?? 1000);
  response.statusCode = NOT_FOUND.has(code) ? 404 : BAD_REQUEST.has(code) ? 400 : 500;
  response.setHeader('X-ClickHouse-Exception-Code', `${code}`);
  response.setHeader('Content-Type', 'text/plain; charset=UTF-8');
  response.end(
    message.startsWith('Code:') ? `${message}\n` : `Code: 1000. DB::Exception: ${message} (POCO_EXCEPTION)\n`,
  );
}
