/**
 * A line as a message of Kafka: the value is the line as it is; the key makes all events of one trace (else of one
 * request, else of one producer) land in one partition, in order; the header carries the event's id.
 */
import type { Message } from 'kafkajs';
import { LEDGER_LINE_START } from '../../ledger/ledger-line.ts';

/** Lines are canonical JSON: a key is never escaped, and within a text its quotes would be. */
const TRACE_ID = /"trace_id":"([^"\\]{1,128})"/;
const REQUEST_ID = /"request_id":"([^"\\]{1,128})"/;
const EVENT_ID = /"event_id":"(([0-9a-z]{8,32})-[1-9][0-9]{0,14})"/;
const PRODUCER = /"producer":"([0-9a-z]{8,32})"/;

export const ID_HEADER = 'tailrace-id';

export function toMessage(line: string | Buffer): Message {
  const text = typeof line === 'string' ? line : line.toString('utf8');
  if (text.startsWith(LEDGER_LINE_START)) {
    return { key: PRODUCER.exec(text)?.[1] ?? 'ledger', value: line, headers: { [ID_HEADER]: 'ledger' } };
  }
  const id = EVENT_ID.exec(text);
  const key = TRACE_ID.exec(text)?.[1] ?? REQUEST_ID.exec(text)?.[1] ?? id?.[2] ?? 'none';
  return { key, value: line, ...(id?.[1] !== undefined && { headers: { [ID_HEADER]: id[1] } }) };
}
