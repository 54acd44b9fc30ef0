/** What docs/storage.md says of the files, held against what a server has left behind: by DuckDB alone, and by a copy. */
import { execFile } from 'node:child_process';
import { cp, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EVENT_FIELDS } from '../packages/tailrace/src/event.ts';
import { readPage, startDocumentedServer } from './documented-server.ts';
import { cleanEnvironment, ROOT, SOURCE_ARGS } from './processes.ts';
import { createServerClient } from './server-client.ts';

const page = await readPage('docs/storage.md');
const SEGMENTS = 'tailrace-data/store/segments/**/*.parquet';
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tailrace-docs-storage-'));
  // The server commits as it stops.
  await (await startDocumentedServer(join(folder, 'tailrace-data'))).close();
});

afterAll(() => rm(folder, { recursive: true, force: true }));

describe('docs/storage.md', () => {
  const queries = page.blocks.flatMap((block, i) =>
    block.info === 'sql' ? [{ ...block, rows: page.blocks[i + 1] }] : [],
  );

  it.each(queries)('$place answers what it says', async ({ text, rows }) => {
    expect(rows?.info).toBe('json rows');
    expect(await ask(text)).toEqual(JSON.parse(rows?.text ?? ''));
  });

  it('names the columns of a segment, with their types', async () => {
    const columns = await ask(`DESCRIBE SELECT * FROM read_parquet('${SEGMENTS}', hive_partitioning = false);`);
    const types = Object.fromEntries(columns.map(({ column_name: name, column_type: type }) => [name, type]));
    expect(Object.keys(types)).toEqual([...Object.keys(EVENT_FIELDS), 'attributes']);
    for (const [name, type] of Object.entries(types)) {
      const row = page.text.split('\n').find((line) => line.startsWith('| `') && line.includes(`\`${name}\``));
      // A Parquet file calls JSON a string.
      const written =
        row?.includes('| JSON') === true ? ['JSON', 'VARCHAR'] : [row?.split('|')[2]?.trim().split(',')[0]];
      expect(written, `${name} is ${type}`).toContain(type);
    }
  });

  it('names every file that a server leaves', async () => {
    const [layout] = page.blocks.filter(({ text }) => text.startsWith('tailrace-data/'));
    const entries = await readdir(join(folder, 'tailrace-data'), { recursive: true, withFileTypes: true });
    for (const name of entries.filter((entry) => entry.isFile()).map((entry) => entry.name)) {
      const general = name
        .replace(/^\d{4}-\d{2}-\d{2}-\w+\.json$/, '<id>.json')
        .replace(/^\w+\.(parquet|index)$/, '<id>.$1')
        .replace(/^\d{8}\.ndjson$/, '00000001.ndjson');
      expect(layout?.text, name).toContain(general);
    }
  });

  it('opens the store from Node', async () => {
    const [example] = page.blocks.filter(({ info }) => info.startsWith('ts'));
    await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
    await writeFile(join(folder, 'example.mts'), example?.text ?? '');
    const { stdout } = await promisify(execFile)(process.execPath, [...SOURCE_ARGS, 'example.mts'], {
      cwd: folder,
      env: { ...cleanEnvironment(), TSX_TSCONFIG_PATH: join(ROOT, 'tsconfig.base.json') },
    });
    const written = [...(example?.text ?? '').matchAll(/^\/\/ prints: (.*)$/gm)].map(([, line]) => line);
    expect(stdout.trimEnd().split('\n')).toEqual(written);
  });

  it('restores a server from a copy of its folder', async () => {
    const copy = join(folder, 'copy');
    await cp(join(folder, 'tailrace-data'), copy, { recursive: true });
    const server = await startDocumentedServer(copy);
    try {
      const client = createServerClient(server.url);
      expect(await client.search('', '-15m', 'now')).toHaveLength(12);
      // They were posted to the copy once more, and it knew them.
      expect((await client.ledger()).totals).toMatchObject({ stored: 12, missing: 0 });
    } finally {
      await server.close();
    }
  });
});

/** Runs statements as they stand on the page, and answers with the rows of the last. */
async function ask(sql: string): Promise<Record<string, unknown>[]> {
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  try {
    let rows: Record<string, unknown>[] = [];
    const statements = sql.replaceAll("'tailrace-data/", `'${join(folder, 'tailrace-data')}/`).split(/;\n|;$/);
    for (const statement of statements.filter((text) => text.trim() !== '')) {
      rows = (await connection.runAndReadAll(statement)).getRowObjectsJson();
    }
    return rows.map((row) => Object.fromEntries(Object.entries(row).map(([name, value]) => [name, plain(value)])));
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

/** Counts come as text, since they may be larger than a number of JavaScript's. */
function plain(value: unknown): unknown {
  return typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value;
}
