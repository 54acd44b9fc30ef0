import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { readRows } from './database.ts';
import { binPercentile, binsSql, percentileSql, readPercentiles } from './percentiles.ts';

let connection: DuckDBConnection;

beforeEach(async () => {
  const instance = await DuckDBInstance.create(':memory:', { threads: '1' });
  connection = await instance.connect();
});

afterEach(() => {
  connection.closeSync();
});

const VALUES = {
  'of all sizes, below and above zero': '((hash(n) % 2000)::BIGINT - 1000) / 7.0 * pow(10, hash(n + 1) % 9)',
  'that are whole and few': 'hash(n) % 40',
  'that are close together': '1e9 + hash(n) % 1000 / 1000.0',
  'with extremes':
    'CASE hash(n) % 50 WHEN 0 THEN 1e300 WHEN 1 THEN -5e-324 WHEN 2 THEN 0 ELSE hash(n) % 1000 / 8.0 END',
};

/** Bins are taken for many events only: `events` says how many there are made out to be. */
async function percentilesOf(p: number, events: number): Promise<unknown> {
  const percentile = binPercentile({ index: 0, column: 'v0', p }, ['g0'], events);
  await connection.run(binsSql(percentile));
  await connection.run(percentileSql(percentile));
  await connection.run(
    'CREATE TEMP TABLE answer AS SELECT row_number() OVER (ORDER BY g0)::DOUBLE AS r, * FROM (' +
      'SELECT g0, count(*) FILTER (w > 1)::DOUBLE AS a0_sampled FROM matching GROUP BY g0) LEFT JOIN percentile0 USING (g0)',
  );
  const groups = await readRows(connection, 'SELECT * FROM answer ORDER BY r');
  const found = await readPercentiles(connection, groups, percentile);
  for (const table of ['bins0', 'percentile0', 'ends0', 'answer']) await connection.run(`DROP TABLE ${table}`);
  return found;
}

it.each(Object.entries(VALUES))(
  'bins find the percentiles, and their intervals, of values %s that telling all apart finds',
  async (_, value) => {
    await connection.run(
      `CREATE TEMP TABLE matching AS SELECT n % 3 AS g0, (${value})::DOUBLE AS v0, hash(n // 2) AS k, ` +
        'CASE n % 5 WHEN 0 THEN 1.0 WHEN 1 THEN 4.0 ELSE 10.0 END::DOUBLE AS w FROM range(4000) r(n)',
    );
    await connection.run(
      'CREATE TEMP TABLE repeated AS SELECT k FROM matching WHERE w > 1 GROUP BY k HAVING count(*) > 1',
    );
    for (const p of [0.01, 0.5, 0.9, 0.99, 0.9999]) {
      expect(await percentilesOf(p, 1_000_000), `p ${p}`).toEqual(await percentilesOf(p, 0));
    }
  },
);
