/** The sums that the statistics of `estimate.ts` are made of, as SQL that both DuckDB and ClickHouse understand. */

/** The columns of a {@link TotalStatistics}: by event, by trace, by group. */
export function total(name: string, y: string, condition: string): Columns {
  const where = `FILTER (WHERE ${condition})`;
  const one = (sql: string): string => `CASE WHEN ${condition} THEN ${sql} ELSE 0 END`;
  return [
    [
      `${one(`${y}::DOUBLE`)} AS ${name}_seen`,
      `${one(`(w - 1) * ${y}`)} AS ${name}_unseen`,
      `${one(`sqrt(w * (w - 1)) * ${y}`)} AS ${name}_spread`,
      `(w > 1 AND (${condition}))::BIGINT AS ${name}_sampled`,
    ],
    [
      `coalesce(sum(${y}) ${where}, 0)::DOUBLE AS ${name}_seen`,
      `coalesce(sum((w - 1) * ${y}) ${where}, 0) AS ${name}_unseen`,
      `coalesce(sum(sqrt(w * (w - 1)) * ${y}) ${where}, 0) AS ${name}_spread`,
      `count(*) FILTER (WHERE w > 1 AND (${condition})) AS ${name}_sampled`,
    ],
    [
      `coalesce(sum(${name}_seen), 0) AS ${name}_seen`,
      `coalesce(sum(${name}_unseen), 0) AS ${name}_unseen`,
      `coalesce(sum(${name}_spread * ${name}_spread), 0) AS ${name}_variance`,
      `coalesce(max(${name}_unseen), 0) AS ${name}_largest_unseen`,
      `coalesce(max(${name}_spread * ${name}_spread), 0) AS ${name}_largest_variance`,
      `coalesce(sum(${name}_sampled), 0)::DOUBLE AS ${name}_sampled`,
      `count(*) FILTER (WHERE ${name}_sampled > 0)::DOUBLE AS ${name}_clusters`,
    ],
  ];
}

export type Columns = readonly [event: readonly string[], trace: readonly string[], group: readonly string[]];

/** The columns of a {@link RatioStatistics}. */
export function ratio(name: string, y: string): Columns {
  const has = `FILTER (WHERE ${y} IS NOT NULL)`;
  const one = (condition: string, sql: string): string => `CASE WHEN ${condition} THEN ${sql} END`;
  return [
    [
      `w * ${y} AS ${name}_total`,
      `${one(`${y} IS NOT NULL`, 'w')} AS ${name}_weight`,
      `${one('w > 1', `w * ${y}`)} AS ${name}_sampled_total`,
      `${one(`w > 1 AND ${y} IS NOT NULL`, 'w')} AS ${name}_sampled_weight`,
      `sqrt(w * (w - 1)) * ${y} AS ${name}_a`,
      `${one(`${y} IS NOT NULL`, 'sqrt(w * (w - 1))')} AS ${name}_b`,
      `(w > 1 AND ${y} IS NOT NULL)::BIGINT AS ${name}_sampled`,
    ],
    [
      `sum(w * ${y}) AS ${name}_total`,
      `sum(w) ${has} AS ${name}_weight`,
      `sum(w * ${y}) FILTER (WHERE w > 1) AS ${name}_sampled_total`,
      `sum(w) FILTER (WHERE w > 1 AND ${y} IS NOT NULL) AS ${name}_sampled_weight`,
      `sum(sqrt(w * (w - 1)) * ${y}) AS ${name}_a`,
      `sum(sqrt(w * (w - 1))) ${has} AS ${name}_b`,
      `count(${y}) FILTER (WHERE w > 1) AS ${name}_sampled`,
    ],
    [
      ...['total', 'weight', 'sampled_total', 'sampled_weight'].map(
        (part) => `coalesce(sum(${name}_${part}), 0) AS ${name}_${part}`,
      ),
      `coalesce(sum(${name}_a * ${name}_a), 0) AS ${name}_aa`,
      `coalesce(sum(${name}_a * ${name}_b), 0) AS ${name}_ab`,
      `coalesce(sum(${name}_b * ${name}_b), 0) AS ${name}_bb`,
      `coalesce(sum(${name}_sampled), 0)::DOUBLE AS ${name}_sampled`,
      `count(*) FILTER (WHERE ${name}_sampled > 0)::DOUBLE AS ${name}_clusters`,
    ],
  ];
}
