/**
 * Promotion: attributes that get a column of their own when segments are merged.
 *
 * An attribute lives in the JSON column `attributes`, and to filter or group by it every row's JSON has to be parsed. A
 * column costs a fraction of that, and lets DuckDB skip what its minimum and maximum exclude. Promoted is what was asked for
 * lately (the store remembers it in its manifest), then what most events have. The JSON keeps the attribute all the same:
 * an event is read back from one place, and a segment without the column is never wrong, only slower.
 *
 * A column must answer exactly as the JSON would, where 5 and "5" are not the same and an array matches by its elements. So
 * its kind is found from the values of the segment: `string` or `number` where all of them are that, otherwise `json`, which
 * is the value's own JSON. Whole numbers beyond 2^53 are left as JSON, since a DOUBLE writes them differently.
 *
 * Each segment has its own columns, listed in the manifest. A query reads the segments in parts, by what they have of
 * the attributes that it uses (snapshot.ts), and each part is compiled for its columns.
 */
import type { DuckDBConnection } from '@duckdb/node-api';
import { EVENT_FIELDS } from 'tailrace/event';
import { type AttributeKind, attributePointer, attributeSql } from '../../query/attribute-sql.ts';
import { numberAt } from '../../query/measures.ts';
import { IS_NUMBER, quoteIdentifier } from '../../query/sql-text.ts';
import type { FieldInfo } from '../store.ts';
import { readRows } from './database.ts';
import type { Segment } from './manifest.ts';

/** Columns that a segment gets at most. */
export const MAX_PROMOTED = 24;
const MAX_BY_PRESENCE = 8;
const MIN_PRESENCE = 0.5;
/** Bits, one for each type of value that a column would hold. */
const STRING = 1;
const NUMBER = 2;
const JSON_VALUE = 4;
const MAX_NAME_LENGTH = 128;
const MAX_LENGTH_BY_PRESENCE = 80;

/** The attributes that are worth a column, those that were asked for first. */
export function choosePromoted(asked: readonly string[], fields: readonly FieldInfo[]): readonly string[] {
  const known = new Map(fields.map((field) => [field.name, field]));
  const present = fields
    .filter(({ type, presence }) => type !== 'json' && presence >= MIN_PRESENCE)
    .sort((a, b) => b.presence - a.presence || (a.name < b.name ? -1 : 1))
    .slice(0, MAX_BY_PRESENCE);
  const chosen: string[] = [];
  // Names of columns differ in more than case, and these are taken: by the store, and by the folders' names.
  const taken = new Set(['attributes', 'date', 'hour', ...Object.keys(EVENT_FIELDS)]);
  for (const name of [...asked.filter((each) => known.has(each)), ...present.map((field) => field.name)]) {
    const folded = name.toLowerCase();
    // DuckDB folds the case of ASCII only: a name with other letters could meet another one that it takes for the same.
    const isPlain = /^[\x21-\x7e]+$/.test(name) && name.length <= MAX_NAME_LENGTH && !/["\\]/.test(name);
    if (!isPlain || taken.has(folded) || chosen.length >= MAX_PROMOTED) continue;
    taken.add(folded);
    chosen.push(name);
  }
  return chosen;
}

/** A column for a SELECT over the segments that are merged. */
export interface PromotedColumn {
  readonly name: string;
  readonly kind: AttributeKind;
  readonly sql: string;
}

/**
 * How the promoted columns of a merge are made: taken over where all segments have them alike, otherwise from the JSON.
 *
 * @param source a table expression with the columns of the segments
 */
export async function promote(
  connection: DuckDBConnection,
  source: string,
  segments: readonly Segment[],
  names: readonly string[],
  asked: readonly string[],
): Promise<readonly PromotedColumn[]> {
  const common = new Map<string, AttributeKind>();
  for (const [name, kind] of Object.entries(segments[0]?.promoted ?? {})) {
    if (
      segments.every(
        ({ promoted }) => promoted !== undefined && Object.hasOwn(promoted, name) && promoted[name] === kind,
      )
    )
      common.set(name, kind);
  }
  const kept = [...common].map(([name, kind]) => ({ name, kind, sql: quoteIdentifier(name) }));
  const isTaken = new Set(kept.map(({ name }) => name.toLowerCase()));
  const wanted = names.filter((name) => !isTaken.has(name.toLowerCase()));
  const added = wanted.slice(0, Math.max(0, MAX_PROMOTED - kept.length));
  return added.length === 0 ? kept : [...kept, ...(await fromJson(connection, source, added, asked))];
}

async function fromJson(
  connection: DuckDBConnection,
  source: string,
  names: readonly string[],
  asked: readonly string[],
): Promise<readonly PromotedColumn[]> {
  const kinds = names.map((_, i) => {
    const [type, value] = [`t[${i + 1}]`, `v[${i + 1}]`];
    const number = `CASE WHEN abs(TRY_CAST(${value} AS DOUBLE)) <= ${Number.MAX_SAFE_INTEGER} THEN ${NUMBER} ELSE ${JSON_VALUE} END`;
    return (
      `coalesce(bit_or(CASE WHEN ${type} IS NULL OR ${type} = 'NULL' THEN 0 WHEN ${type} = 'VARCHAR' THEN ${STRING} ` +
      `WHEN ${type} = 'DOUBLE' THEN ${NUMBER} WHEN ${type} IN ${IS_NUMBER} THEN ${number} ELSE ${JSON_VALUE} END), 0) AS kinds${i}`
    );
  });
  const paths = `[${names.map((name) => attributePointer(name)).join(', ')}]`;
  const values = `json_type(attributes, ${paths}) AS t, json_extract_string(attributes, ${paths}) AS v`;
  const [row = {}] = await readRows(connection, `SELECT ${kinds.join(', ')} FROM (SELECT ${values} FROM ${source})`);
  const lengths = names.map((_, i) => `avg(length(v[${i + 1}])) AS length${i}`);
  const [sample = {}] = await readRows(
    connection,
    `SELECT ${lengths.join(', ')} FROM (SELECT ${values} FROM ${source} LIMIT 1000)`,
  );
  return names.flatMap((name, i) => {
    // Long values are stored twice for nothing, unless somebody looks at them.
    if (numberAt(sample, `length${i}`) > MAX_LENGTH_BY_PRESENCE && !asked.includes(name)) return [];
    const found = numberAt(row, `kinds${i}`);
    const kind = found === NUMBER ? 'number' : (found & ~STRING) === 0 ? 'string' : 'json';
    // One list of paths for all of them: DuckDB then parses the JSON of an event once.
    const text = `json_extract_string(attributes, ${paths})[${i + 1}]`;
    const sql =
      kind === 'json'
        ? `nullif(${attributeSql(name)}::VARCHAR, 'null')::JSON`
        : kind === 'number'
          ? `TRY_CAST(${text} AS DOUBLE)`
          : text;
    return [{ name, kind, sql }];
  });
}
