// ClickHouse's HTTP interface over an in-process chDB engine: enough for @clickhouse/client.
// usage: [CHDB_PREFIX=dir that holds node_modules/chdb] node chdb-http.mjs PORT DATADIR
import { randomUUID } from 'node:crypto';
import http from 'node:http';
import { createRequire } from 'node:module';
import path from 'node:path';
import zlib from 'node:zlib';

const { Session } = createRequire(path.join(process.argv[4], 'x.js'))('chdb');
const [port, dir] = [Number(process.argv[2]), process.argv[3]];
const session = new Session(dir);
const engine = session.query('SELECT version()', 'TabSeparated').trim();
const RESERVED = new Set([
  'query',
  'query_id',
  'database',
  'default_format',
  'session_id',
  'session_timeout',
  'session_check',
  'user',
  'password',
  'role',
  'enable_http_compression',
  'compress',
  'decompress',
  'wait_end_of_query',
  'buffer_size',
  'send_progress_in_http_headers',
  'http_headers_progress_interval_ms',
  'cancel_http_readonly_queries_on_client_close',
]);
const lit = (v) => `'${v.replace(/\\/g, '\\\\').replace(/'/g, "\\'")}'`;
const unesc = (v) => v.replace(/\\(.)/gs, (_, c) => ({ n: '\n', t: '\t', r: '\r', b: '\b', f: '\f', 0: '\0' })[c] ?? c); // param_* values arrive TSV-escaped
const decode = {
  gzip: zlib.gunzipSync,
  deflate: zlib.inflateSync,
  br: zlib.brotliDecompressSync,
  zstd: zlib.zstdDecompressSync,
};
let turn = Promise.resolve();
const serial = (f) => (turn = turn.then(f, f)); // one engine, one session: one query at a time
async function run(url, body, head) {
  const q = url.searchParams,
    db = q.get('database') || head['x-clickhouse-database'] || 'default';
  let sql = q.get('query') ?? '',
    data = null;
  if (sql) data = body;
  else sql = body.toString();
  sql = sql.replace(/^[\s;]+|[\s;]+$/g, '');
  const settings = [],
    params = {};
  for (const [k, v] of q)
    if (k.startsWith('param_')) {
      const n = k.slice(6);
      params[n] = new RegExp(
        `\\{\\s*${n}\\s*:\\s*((Nullable|LowCardinality)\\()*(String|FixedString|Enum|Date|UUID)`,
      ).test(sql)
        ? unesc(v)
        : v;
    } else if (!RESERVED.has(k)) settings.push(`${k}=${lit(v)}`);
  session.query(`USE ${'`' + db + '`'}`);
  const insert = /^INSERT\s+INTO\b/i.test(sql) && data?.length;
  if (insert) {
    const m = /\bFORMAT\s+(\w+)\s*$/i.exec(sql);
    if (!m)
      throw Object.assign(new Error('Code: 62. DB::Exception: wrapper: INSERT needs FORMAT. (SYNTAX_ERROR)'), {
        code: 62,
      });
    const head1 =
      sql.slice(0, m.index) + (settings.length ? `SETTINGS ${settings.join(', ')} ` : '') + `FORMAT ${m[1]}\n`;
    session.query(head1 + data.toString('utf8'));
    return {
      out: Buffer.alloc(0),
      format: '',
      rows: (data.toString().match(/\n/g) || []).length + (data.at(-1) === 10 ? 0 : 1),
    };
  }
  const m = /\bFORMAT\s+(\w+)\s*$/i.exec(sql);
  const format = m ? m[1] : q.get('default_format') || head['x-clickhouse-format'] || 'TabSeparated';
  let text = m ? sql.slice(0, m.index) : sql;
  const isSelect = /^(SELECT|WITH|SHOW|DESC|DESCRIBE|EXISTS|EXPLAIN|VALUES|\()/i.test(text);
  if (settings.length && /^(SELECT|WITH)/i.test(text) && !/\bSETTINGS\b/i.test(text))
    text += ` SETTINGS ${settings.join(', ')}`;
  const opts = { format: isSelect ? format : 'TabSeparated' };
  const r = Object.keys(params).length
    ? await session.queryBindAsync(text, params, opts)
    : await session.queryAsync(text, opts);
  return { out: Buffer.from(r.bytes()), format: isSelect ? format : '', rows: r.rowsRead };
}
const server = http.createServer(async (req, res) => {
  const url = new URL(req.url, 'http://x'),
    id = url.searchParams.get('query_id') || randomUUID();
  if (req.method === 'GET' && (url.pathname === '/ping' || (url.pathname === '/' && !url.searchParams.get('query'))))
    return res.end('Ok.\n');
  const chunks = [];
  for await (const c of req) chunks.push(c);
  let body = Buffer.concat(chunks);
  res.setHeader('X-ClickHouse-Query-Id', id);
  res.setHeader('X-ClickHouse-Server-Display-Name', 'chdb');
  res.setHeader('X-ClickHouse-Timezone', 'UTC');
  try {
    const enc = req.headers['content-encoding'];
    if (enc && decode[enc]) body = decode[enc](body);
    const { out, format, rows } = await serial(() => run(url, body, req.headers));
    if (format) res.setHeader('X-ClickHouse-Format', format);
    res.setHeader(
      'Content-Type',
      /^JSON(EachRow|CompactEachRow)/.test(format)
        ? 'application/x-ndjson; charset=UTF-8'
        : /^JSON/.test(format)
          ? 'application/json; charset=UTF-8'
          : 'text/tab-separated-values; charset=UTF-8',
    );
    res.setHeader(
      'X-ClickHouse-Summary',
      JSON.stringify({
        read_rows: '0',
        read_bytes: '0',
        written_rows: String(format ? 0 : (rows ?? 0)),
        written_bytes: String(body.length),
        total_rows_to_read: '0',
        result_rows: '0',
        result_bytes: '0',
        elapsed_ns: '0',
      }),
    );
    if (
      url.searchParams.get('enable_http_compression') === '1' &&
      /gzip/.test(req.headers['accept-encoding'] || '') &&
      out.length
    ) {
      res.setHeader('Content-Encoding', 'gzip');
      res.end(zlib.gzipSync(out));
    } else res.end(out);
  } catch (e) {
    const code =
      e.code && /^\d+$/.test(String(e.code)) ? Number(e.code) : Number(/Code: (\d+)/.exec(e.message)?.[1] ?? 1000);
    const text = /^Code:/.test(e.message) ? e.message : `Code: ${code}. DB::Exception: ${e.message}`;
    res.statusCode = [60, 81, 16, 47].includes(code) ? 404 : [62, 27, 117, 26, 6, 72].includes(code) ? 400 : 500;
    res.setHeader('X-ClickHouse-Exception-Code', String(code));
    res.setHeader('Content-Type', 'text/plain; charset=UTF-8');
    res.end(text + (/version/.test(text) ? '\n' : ` (version ${engine} (chdb))\n`));
  }
});
server.keepAliveTimeout = 30000;
server.listen(port, '127.0.0.1', () => console.log(`chdb ${engine} on 127.0.0.1:${port}`));
for (const s of ['SIGTERM', 'SIGINT'])
  process.on(s, () => {
    server.closeAllConnections();
    server.close();
    try {
      session.close();
    } catch {}
    process.exit(0);
  });
