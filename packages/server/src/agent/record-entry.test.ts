/** Events that Tailrace wrote to a file itself, read by the agent. */
import { createPolicy, isKept, randomnessOf, thresholdOfRate } from 'tailrace/sampling';
import { createSerialiser } from 'tailrace/serialise';
import { expect, test } from 'vitest';
import { openAccount } from './file-account.ts';
import type { AgentInput } from './input.ts';
import { fieldsOfFile, recordEntry } from './record-entry.ts';

const INPUT: AgentInput = {
  name: 'shop',
  include: [],
  exclude: [],
  format: 'auto',
  multiline: 'auto',
  zone: 'utc',
  from: 'start',
  fields: {},
  service: undefined,
  environment: undefined,
  version: undefined,
  pathPattern: undefined,
};
const LINE = {
  schema: 'tailrace/event/v1',
  event_id: '0mb1x9k3fqz7a-7',
  timestamp: '2026-11-21T09:00:00.123Z',
  level: 'info',
  message: 'paid',
  service: 'payments',
  host: 'web-1',
  route: '/payments',
  duration_ms: 12.5,
  trace_id: '0af7651916cd43dd8448eb211c80319c',
  steps: [{ name: 'charge', service: 'gateway', duration_ms: 4, outcome: 'ok' }],
  // Names by which other loggers mean something.
  name: 'Ada',
  url: '/not/the/path',
  elapsed: '5ms',
  'sampling.rule': 'SAMPLED_NORMAL',
  'sampling.rate': 0.1,
};

function read(line: Readonly<Record<string, unknown>>, normalRate = 1): Record<string, unknown> | undefined {
  const recorded = recordEntry(
    {
      policy: createPolicy({
        normalRate,
        lineRate: normalRate,
        slowThresholdMs: 2000,
        criticalRoutes: [],
        rules: [],
        onRuleFault: () => {},
      }),
      keepsAll: normalRate === 1,
      serialiser: createSerialiser({ redactor: undefined, includeStack: true }),
      host: 'agent-host',
      now: () => Date.parse('2026-11-21T10:00:00Z'),
    },
    INPUT,
    { producer: '0mb1x9k3fagnt', path: '/var/log/shop.ndjson' },
    fieldsOfFile(INPUT, '/var/log/shop.ndjson'),
    { text: JSON.stringify(line), start: 0, end: 10, cutBytes: 0, isMended: false, isPartial: false },
    openAccount(),
  );
  return recorded === undefined ? undefined : JSON.parse(recorded);
}

test('an event of Tailrace is passed on as it is, under the id that it has', () => {
  expect(read(LINE)).toEqual(LINE);
});

test('one without an id, or that another agent has given a place in a file, gets a number of the file', () => {
  const { schema, event_id, ...told } = LINE;
  for (const odd of ['no-id', 7, undefined]) {
    expect(read({ ...LINE, event_id: odd })).toMatchObject({ ...told, schema, event_id: '0mb1x9k3fagnt-1' });
  }
  const placed = read({ ...LINE, 'log.file.offset': 5, 'log.file.bytes': 1e12 });
  expect(placed).toMatchObject({ event_id: '0mb1x9k3fagnt-1', 'reserved.event_id': event_id, 'log.file.offset': 0 });
  expect(placed).toMatchObject({ 'log.file.bytes': 10, 'reserved.log.file.bytes': 1e12 });
});

test('where the agent samples, an event of Tailrace is one of the file, and keeps all else', () => {
  const { schema, event_id, ...told } = { ...LINE, level: 'error' };
  const event = read({ ...LINE, level: 'error' }, 0.999);
  expect(event).toMatchObject({ ...told, schema, event_id: '0mb1x9k3fagnt-1', 'reserved.event_id': event_id });
  expect(Object.keys(event ?? {})).not.toContain('reserved.sampling.rate');
});

test('sampled once more by the same trace, the smaller rate holds for both', () => {
  const traces = Array.from({ length: 400 }, (_, i) => ({
    ...LINE,
    // Its last fourteen digits are what is decided by: spread over all of their range.
    trace_id: `0af7651916cd43dd84${Math.floor((i / 400) * 0xffffff)
      .toString(16)
      .padStart(6, '0')}80319c01`,
  })).filter(({ trace_id }) => isKept(randomnessOf(trace_id), thresholdOfRate(0.1)));
  expect(traces.length).toBeGreaterThan(5);
  for (const line of traces) {
    // What a rate of 0.1 keeps, one of 0.5 keeps too.
    expect(read(line, 0.5)).toMatchObject({ 'sampling.rule': 'SAMPLED_NORMAL', 'sampling.rate': 0.1 });
    expect(read({ ...line, 'sampling.rule': 'MY_RULE' }, 0.02)?.['sampling.rate'] ?? 0.02).toBe(0.02);
  }
});

test('without a trace the shares are multiplied', () => {
  const { trace_id: _, ...line } = LINE;
  const kept = Array.from({ length: 60 }, (_, i) => read({ ...line, n: i }, 0.5)).filter(
    (event) => event !== undefined,
  );
  for (const event of kept) expect(event).toMatchObject({ 'sampling.rate': 0.05 });
});

test('a rate that no event can have is not believed', () => {
  expect(read({ ...LINE, 'sampling.rate': 7 })).toMatchObject({ 'sampling.rate': 1, 'reserved.sampling.rate': 7 });
});
