/** Events to ClickHouse. */

import { isLedgerLine } from '../../delivery/line-kinds.ts';
import type { Batch, Sink, SinkContext, SinkOutcome } from '../../delivery/sink.ts';
import type { SinkSpec } from '../../delivery/types.ts';
import { sendHalves } from '../send-halves.ts';
import { readSinkOptions } from '../sink-options.ts';
import { type ClickHouseConnection, connect } from './connection.ts';
import { faultOf } from './faults.ts';
import { batchIdOf, insertEvents, insertLedger, type LedgerEntry, toLedgerEntry } from './insert.ts';
import { type ClickHouseOptions, readTarget } from './options.ts';
import { type ClickHouseRow, toRow } from './row.ts';

export { MissingDriverError } from '../import-driver.ts';
export { type ClickHouseConnection, connect } from './connection.ts';
export { codeOf, type Fault, faultOf, LaterVersionError, reasonOf } from './faults.ts';
export { batchIdOf, insertEvents, insertLedger, type LedgerEntry, lineOfEntry, toLedgerEntry } from './insert.ts';
export { type ClickHouseOptions, type ClickHouseTarget, readTarget } from './options.ts';
export { type ClickHouseRow, ELEMENT_SEPARATOR, jsonText, toRow } from './row.ts';
export {
  EVENTS_TABLE,
  FIELDS_TABLE,
  LEDGER_TABLE,
  PRODUCERS_TABLE,
  PROMOTED_PREFIX,
  quoteName,
  quoteString,
  ttlSql,
} from './tables.ts';

/**
 * Writes events to ClickHouse, whose tables it makes. Needs the package `@clickhouse/client`.
 *
 * @example
 * ```ts
 * createTailrace({ routes: [{ name: 'store', sinks: [clickHouseSink({ url: 'http://127.0.0.1:8123' })] }] });
 * ```
 */
export function clickHouseSink(options: ClickHouseOptions): SinkSpec {
  return { kind: 'builtin', name: 'clickhouse', options };
}

/** @throws TypeError where the options are wrong, MissingDriverError where `@clickhouse/client` isn't installed. */
export async function createSink(given: unknown, context: SinkContext): Promise<Sink> {
  const { url = '', ...options } = readSinkOptions('clickhouse', given, {
    url: 'string',
    username: 'string',
    password: 'string',
    database: 'string',
    retentionDays: 'number',
    timeoutMs: 'number',
    compress: 'boolean',
    name: 'string',
    askedBy: 'string',
  });
  const connection = await connect(readTarget({ url, ...options }));
  const address = `${connection.target.origin}/${connection.target.database}`;

  async function send(batch: Batch, signal: AbortSignal): Promise<SinkOutcome> {
    try {
      return await write(connection, batch, signal);
    } catch (error) {
      const fault = faultOf(error);
      const reason = `${address}: ${fault.reason}`;
      if (fault.kind === 'unreadable') {
        return batch.lines.length === 1 ? { kind: 'refused', reason } : sendHalves(batch, signal, send);
      }
      if (fault.kind === 'misconfigured') context.notice('clickhouse_refuses', reason);
      return { kind: 'retry', reason, ...(fault.afterMs === undefined ? {} : { afterMs: fault.afterMs }) };
    }
  }

  return { name: options.name ?? 'clickhouse', takesLedger: true, send, close: () => connection.close() };
}

async function write(connection: ClickHouseConnection, batch: Batch, signal: AbortSignal): Promise<SinkOutcome> {
  const rows: ClickHouseRow[] = [];
  const accounts: LedgerEntry[] = [];
  const refused: { index: number; reason: string }[] = [];
  batch.lines.forEach((line, index) => {
    const value = parseLine(line);
    if (value === undefined) refused.push({ index, reason: 'is no JSON object' });
    else if (!isLedgerLine(line)) rows.push(toRow(value));
    else {
      const entry = toLedgerEntry(value);
      if (entry === undefined) refused.push({ index, reason: 'is no ledger line' });
      else accounts.push(entry);
    }
  });
  await insertEvents(connection, rows, batchIdOf(batch.lines), signal);
  // After the events: an account that says 5,000 must find the 5,000 there.
  await insertLedger(connection, accounts, Date.now(), signal);
  return refused.length === 0 ? { kind: 'delivered' } : { kind: 'partial', refused, retry: [] };
}

function parseLine(line: Buffer): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(line.toString());
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}
