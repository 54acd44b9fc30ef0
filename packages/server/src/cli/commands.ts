/** What each command that asks a server does. */
import { readFileSync } from 'node:fs';
import type { PlanInput } from '../query/plan.ts';
import { parseAggregates } from './aggregates.ts';
import { type Client, CommandError, isRecord } from './client.ts';
import { cellText, formatEvent, formatTable } from './table.ts';

export interface Output {
  readonly json: boolean;
  write(text: string): void;
}

export interface QueryFlags {
  readonly from?: string;
  readonly to?: string;
  readonly groupBy?: string;
  readonly agg?: string;
  readonly bucket?: string;
  readonly limit?: string;
}

type Row = Readonly<Record<string, unknown>>;

export async function query(client: Client, search: string, flags: QueryFlags, output: Output): Promise<void> {
  const answer = await client.post('/v1/query', planOf(search, flags), 'read');
  if (output.json) return output.write(JSON.stringify(answer, null, 2));
  const { rows, columns, meta } = readAnswer(answer);
  if (rows.length === 0) output.write('nothing found');
  else if (rows.every((row) => typeof row.event_id === 'string')) output.write(rows.map(formatEvent).join('\n'));
  else output.write(formatTable(columns, rows));
  output.write(`\n${footer(rows.length, meta)}`);
}

function planOf(search: string, flags: QueryFlags): PlanInput | unknown {
  if (search.endsWith('.json')) {
    try {
      return JSON.parse(readFileSync(search, 'utf8'));
    } catch (error) {
      throw new CommandError(
        `can't read the plan ${search}: ${error instanceof Error ? error.message : String(error)}`,
        2,
      );
    }
  }
  const groupBy = flags.groupBy?.split(',').map((field) => field.trim());
  const needsCount = flags.agg === undefined && (groupBy !== undefined || flags.bucket !== undefined);
  const aggregates = needsCount ? 'count' : flags.agg;
  return {
    where: search,
    ...(flags.from === undefined ? {} : { from: flags.from }),
    ...(flags.to === undefined ? {} : { to: flags.to }),
    ...(groupBy === undefined ? {} : { groupBy }),
    ...(aggregates === undefined ? {} : { aggregates: parseAggregates(aggregates) }),
    ...(flags.bucket === undefined ? {} : { bucket: flags.bucket }),
    ...(flags.limit === undefined ? {} : { limit: Number(flags.limit) }),
  };
}

function readAnswer(answer: unknown): { rows: readonly Row[]; columns: readonly string[]; meta: Row } {
  if (!isRecord(answer) || !Array.isArray(answer.rows) || !Array.isArray(answer.columns)) throw notUnderstood();
  return {
    rows: answer.rows.filter(isRecord),
    columns: answer.columns.filter(isRecord).map((column) => String(column.name)),
    meta: isRecord(answer.meta) ? answer.meta : {},
  };
}

function footer(rows: number, meta: Row): string {
  const notes = [
    `${rows} ${rows === 1 ? 'row' : 'rows'}${meta.limited === true ? ' (more were cut by the limit)' : ''}`,
    meta.accuracy === 'estimated' ? 'estimated, with 95 % intervals' : 'exact',
    `${String(meta.from)} … ${String(meta.to)}`,
  ];
  const warnings = Array.isArray(meta.warnings) ? meta.warnings.map((warning) => `\nnote: ${String(warning)}`) : [];
  return notes.join(' · ') + warnings.join('');
}

/** Follows until it is interrupted, or until `count` events were shown. */
export async function tail(client: Client, search: string, count: number | undefined, output: Output): Promise<void> {
  const stop = new AbortController();
  const end = (): void => stop.abort();
  process.once('SIGINT', end);
  process.once('SIGTERM', end);
  let shown = 0;
  try {
    for await (const { event, data } of client.stream('/v1/tail', { q: search }, stop.signal)) {
      const value: unknown = JSON.parse(data);
      if (!isRecord(value)) continue;
      if (event === 'dropped')
        output.write(output.json ? data : `… ${String(value.dropped)} left out: this reader is too slow`);
      else output.write(output.json ? data : formatEvent(value));
      if (event === 'event') shown += 1;
      if (shown === count) break;
    }
    if (shown !== count) throw new CommandError(`the server at ${client.url} ended the tail`, 3);
  } catch (error) {
    if (!stop.signal.aborted) throw error;
  } finally {
    process.off('SIGINT', end);
    process.off('SIGTERM', end);
    stop.abort();
  }
}

export async function explain(client: Client, id: string, output: Output): Promise<void> {
  const answer = await client.get(`/v1/events/${encodeURIComponent(id)}`);
  if (output.json) return output.write(JSON.stringify(answer, null, 2));
  if (!isRecord(answer) || !isRecord(answer.event)) throw notUnderstood();
  const { event } = answer;
  output.write(formatEvent(event));
  output.write(`\n${explainSampling(event)}`);
  if (Array.isArray(event.steps)) {
    output.write(
      `\n${formatTable(['name', 'service', 'duration_ms', 'outcome', 'code'], event.steps.filter(isRecord))}`,
    );
  }
  const fields = Object.entries(event).filter(([name]) => name !== 'steps');
  output.write(`\n${fields.map(([name, value]) => `${name.padEnd(24)} ${cellText(value)}`).join('\n')}`);
  const neighbours = Array.isArray(answer.neighbours) ? answer.neighbours.filter(isRecord) : [];
  if (neighbours.length > 0) {
    output.write(`\nof the same request or trace:\n${neighbours.map((one) => `  ${formatEvent(one)}`).join('\n')}`);
  }
}

const RULES: Readonly<Record<string, string>> = {
  HAS_ERROR: 'it had an error; every error is kept',
  SLOW_REQUEST: 'it was slow; every slow request is kept',
  CRITICAL_ROUTE: 'its route is critical; all of those are kept',
  SAMPLED_NORMAL: 'it is one of the normal events that were drawn',
  UNSAMPLED: 'its source does not sample',
};

function explainSampling(event: Row): string {
  const rule = String(event['sampling.rule']);
  const rate = Number(event['sampling.rate']);
  const weight = rate > 0 ? 1 / rate : Number.NaN;
  const why = RULES[rule] ?? 'a rule of your own kept it';
  return `kept by ${rule} at rate ${cellText(rate)}: ${why}. It counts as ${cellText(weight)} ${weight === 1 ? 'event' : 'events'}.`;
}

const LEDGER_COLUMNS = [
  'producer',
  'service',
  'emitted',
  'kept',
  'sampledOut',
  'stored',
  'inFlight',
  'dead',
  'dropped',
  'missing',
  'lastSeen',
];

/** Exit code 4 where something is missing, so that a script can watch it. */
export async function ledger(client: Client, output: Output): Promise<number> {
  const answer = await client.get('/v1/ledger');
  if (!isRecord(answer) || !isRecord(answer.totals) || !Array.isArray(answer.producers)) throw notUnderstood();
  if (output.json) output.write(JSON.stringify(answer, null, 2));
  else
    output.write(
      formatTable(LEDGER_COLUMNS, [...answer.producers.filter(isRecord), { producer: 'all', ...answer.totals }]),
    );
  return answer.totals.missing === 0 ? 0 : 4;
}

export function notUnderstood(): CommandError {
  return new CommandError('the answer is not one of a Tailrace server of this version; is the address right?');
}
