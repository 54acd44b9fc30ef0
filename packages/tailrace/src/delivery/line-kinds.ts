/** What delivery must know of a line without parsing it: whose it is, and for whom it isn't. */
import { type ProducerId, parseEventId } from '../event.ts';
import { LEDGER_LINE_START } from '../ledger/ledger-line.ts';

/** The topic of the events that tell of a failed sink. */
export const HANDLER_ERROR_TOPIC = 'logger.handler.error';

const LEDGER_START = Buffer.from(LEDGER_LINE_START);
const HANDLER_ERROR_MARK = Buffer.from(`"topic":"${HANDLER_ERROR_TOPIC}"`);
const EVENT_ID = /"event_id":"([0-9a-z]{8,32}-[1-9][0-9]{0,14})"/;

export function isLedgerLine(line: Buffer): boolean {
  return (
    line.length > LEDGER_START.length &&
    line.compare(LEDGER_START, 0, LEDGER_START.length, 0, LEDGER_START.length) === 0
  );
}

/** True where a ledger line may be among the lines: a quick look at the whole text. */
export function mayHoldLedgerLine(body: Buffer): boolean {
  return body.includes(LEDGER_START);
}

/** True where the event tells of this very sink's failure: fed back to it, one failure would make the next. */
export function tellsOfFailureOf(route: string, sink: string, line: Buffer): boolean {
  if (!line.includes(HANDLER_ERROR_MARK)) return false;
  try {
    const event: unknown = JSON.parse(line.toString());
    if (typeof event !== 'object' || event === null) return false;
    const fields: Readonly<Record<string, unknown>> = { ...event };
    if (fields.topic !== HANDLER_ERROR_TOPIC || fields['handler.sink'] !== sink) return false;
    return fields['handler.route'] === undefined || fields['handler.route'] === route;
  } catch {
    return false;
  }
}

/** The lines that go to a sink, and those that are not for it. */
export interface SelectedLines {
  readonly lines: readonly Buffer[];
  /** Events about the sink's own failures. */
  readonly ownFailures: readonly Buffer[];
}

export function selectLinesFor(
  sink: { readonly name: string; readonly takesLedger?: boolean },
  route: string,
  lines: readonly Buffer[],
): SelectedLines {
  const ownFailures: Buffer[] = [];
  const taken = lines.filter((line) => {
    if (isLedgerLine(line)) return sink.takesLedger === true;
    if (!tellsOfFailureOf(route, sink.name, line)) return true;
    ownFailures.push(line);
    return false;
  });
  return { lines: taken.length === lines.length ? lines : taken, ownFailures };
}

/** The identity of the event in a line, also where the rest of the line can't be read. */
export function findEventId(line: Buffer): { readonly producer: ProducerId; readonly sequence: number } | undefined {
  const id = EVENT_ID.exec(line.toString('latin1'))?.[1];
  return id === undefined ? undefined : parseEventId(id);
}
