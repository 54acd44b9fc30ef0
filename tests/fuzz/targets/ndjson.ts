import { createRedactor } from 'tailrace/redaction';
import { HttpError } from '../../../packages/server/src/api/http-error.ts';
import { bodyItems, isJsonArray } from '../../../packages/server/src/sources/body-lines.ts';
import { createLineCheck } from '../../../packages/server/src/sources/check-line.ts';
import { bytesLike, type FuzzTarget, holds } from '../target.ts';

const MAX_LINE_BYTES = 64 * 1024;
const NOW = Date.UTC(2026, 10, 21);
const checkLine = createLineCheck({ redactor: createRedactor(), maxLineBytes: MAX_LINE_BYTES, now: () => NOW });

/**
 * The body of `POST /v1/events`: each line is answered for, by its own number; what is taken is one line of JSON that would
 * be taken again as it is, with the id that was given.
 */
export const ndjson: FuzzTarget = {
  name: 'ndjson',
  inputs: bytesLike(
    [
      '{',
      '}',
      '\n',
      '\r\n',
      '"schema":"tailrace/event/v1"',
      '"event_id":"0mb1x9k3fqz7a-1"',
      '"timestamp":"2026-11-21T00:00:00.000Z"',
      '"level":"info"',
      '"status":200',
      '"a":{"b":1}',
      '"password":"x"',
      ',',
      'null',
      '[',
      ']',
      '\ufeff',
      '"__proto__":{}',
    ],
    [
      '{"schema":"tailrace/event/v1","event_id":"0mb1x9k3fqz7a-1","timestamp":"2026-11-21T00:00:00.000Z","level":"info","service":"pay","message":"paid","sampling.rule":"SAMPLED_NORMAL","sampling.rate":1}\n{"message":"second"}\n',
      '[{"message":"a"},{"level":"error","error":{"code":"E"}}]',
      '{"schema":"tailrace/ledger/v1","producer":"0mb1x9k3fqz7a","service":"pay","host":"h","pid":1,"started":"2026-11-21T00:00:00.000Z","timestamp":"2026-11-21T00:00:01.000Z","emitted":2,"sequence":1,"kept":{"A":1},"sampled_out":{"B":1},"dropped":{},"dead":{},"closed":true}',
    ],
  ),
  check(input) {
    const lines = countLines(input);
    let last = 0;
    let given = 0;
    try {
      const isArray = isJsonArray(undefined, input);
      for (const item of bodyItems(input, isArray, MAX_LINE_BYTES)) {
        holds(
          item.number > last && (isArray || item.number <= lines),
          `line ${item.number} comes after ${last}, of ${lines}`,
        );
        last = item.number;
        if (item.kind === 'refused') {
          holds(item.reason !== '', 'a refusal has a reason');
          continue;
        }
        const nextId = (): string => {
          given += 1;
          return `0mb1x9k3fqz7b-${given}`;
        };
        const checked = checkLine(item.value, nextId);
        if (checked.kind === 'refused') holds(checked.reason !== '', 'a refusal has a reason');
        else checkTaken(checked.line, checked.kind);
      }
    } catch (error) {
      if (!(error instanceof HttpError)) throw error;
    }
    holds(Reflect.get({}, 'polluted') === undefined, "the prototype of all objects isn't touched");
  },
  growing: [
    (size) => Buffer.from('{"a":1}\n'.repeat(size / 8)),
    (size) => Buffer.from('\n'.repeat(size)),
    (size) => Buffer.from(`{"a":"${'password='.repeat(size / 9)}"}`),
    (size) => Buffer.from(`{"a":${'['.repeat(Math.min(size, 60_000))}`),
  ],
};

function checkTaken(line: string, kind: 'event' | 'ledger'): void {
  holds(!line.includes('\n'), 'what is taken is one line');
  const again = checkLine(JSON.parse(line), () => undefined);
  holds(again.kind === kind, `what was taken is taken again (${again.kind === 'refused' ? again.reason : again.kind})`);
  if (again.kind === 'event' && kind === 'event') holds(again.line === line, 'and stays the same');
}

function countLines(bytes: Buffer): number {
  let count = 1;
  for (const byte of bytes) if (byte === 10) count += 1;
  return count;
}
