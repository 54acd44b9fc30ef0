/**
 * The demo in each arrangement, with nothing changed but the environment: the same customers get the same answers from the
 * shop, and whoever asks the server afterwards gets the same answers, too.
 */
import { isKept, randomnessOf, thresholdOfRate } from 'tailrace/sampling';
import { afterEach, describe, expect, test } from 'vitest';
import { type PlannedRequest, planVisit } from '../examples/payments/src/traffic.ts';
import { type Arrangement, arrange } from './arrangements.ts';
import { type RunningDemo, startDemo } from './demo.ts';
import { waitFor } from './processes.ts';
import { createServerClient, type EventRecord, type ServerClient } from './server-client.ts';

const SEED = 11;
const PAYMENTS = 300;
const RATE = 0.5;
/** Nothing but what is meant to be slow takes that long, also on a busy machine. */
const TIME_FACTOR = 1;
const WINDOW = { from: '-30m', to: 'now' };

const ARRANGEMENTS: readonly Arrangement[] = [
  { title: 'the server alone', settings: {} },
  { title: 'a log file and the agent', settings: { STORAGE_TYPE: 'file' } },
  await arrange('redis', 'mongodb'),
  await arrange('kafka', 'embedded'),
  await arrange('kafka', 'clickhouse'),
];

const requests = Array.from({ length: PAYMENTS }, (_, i) => planVisit(SEED, i + 1)).flat();
const kept = requests.filter((request) => isAlwaysKept(request) || isInShare(request));

/** A payment that fails or takes long. */
function isAlwaysKept({ body, expected }: PlannedRequest): boolean {
  return body !== undefined && expected.code !== 'SUCCESS';
}

function isInShare({ traceparent }: PlannedRequest): boolean {
  return isKept(randomnessOf(traceparent.split('-')[1] ?? ''), thresholdOfRate(RATE));
}

let demo: RunningDemo | undefined;
afterEach(async () => {
  await demo?.end();
  demo = undefined;
});

/** What the first arrangement answered: the others are held against it. */
let first: unknown;

describe.each(ARRANGEMENTS)('the demo through $title', ({ settings }) => {
  test.skipIf(settings === undefined)(
    'keeps what it has to, and answers as in every other arrangement',
    async () => {
      const running = await startDemo({
        args: ['--payments', String(PAYMENTS), '--seed', String(SEED), '--concurrency', '30'],
        timeFactor: TIME_FACTOR,
        env: { ...settings, LOG_SAMPLING_NORMAL_RATE: String(RATE), TAILRACE_COMMIT_SECONDS: '0.5' },
      });
      demo = running;
      const client = createServerClient(running.url);
      await waitFor(
        'all payments',
        () => (running.output().includes('All payments are made') ? true : undefined),
        120_000,
        running.output,
      );
      const events = await waitFor(
        `${kept.length} events`,
        async () => {
          const found = await client.search('', WINDOW.from, WINDOW.to);
          return found.length >= kept.length ? found : undefined;
        },
        90_000,
        running.output,
      );
      expect(idsOf(events)).toEqual(kept.map(({ requestId }) => requestId).sort());
      await waitFor('a ledger without anything in flight', async () => {
        const { totals } = await client.ledger();
        return totals.stored === kept.length && totals.kept === kept.length && totals.missing === 0 ? true : undefined;
      });

      const answers = await askAll(running.url, client);
      first ??= answers;
      expect(answers).toEqual(first);
      expect(await running.interrupt()).toBe(0);
    },
    240_000,
  );
});

function idsOf(events: readonly EventRecord[]): readonly unknown[] {
  return events.map((event) => event.request_id).sort();
}

/** What the screens ask: counts by service, failures by code, facets, one event. Times and ids are each run's own. */
async function askAll(url: string, client: ServerClient): Promise<Readonly<Record<string, unknown>>> {
  const count = [{ fn: 'count' }];
  const byService = await client.query({ ...WINDOW, groupBy: ['service'], aggregates: count });
  const failures = await client.query({
    ...WINDOW,
    where: 'level:error',
    groupBy: ['error.code'],
    aggregates: count,
  });
  const failed = requests.find(({ expected }) => expected.code === 'INSUFFICIENT_BALANCE');
  const [event] = await client.search(`request_id:${failed?.requestId}`, WINDOW.from, WINDOW.to);
  return {
    byService: { accuracy: byService.meta.accuracy, rows: sorted(byService.rows) },
    failures: { accuracy: failures.meta.accuracy, rows: sorted(failures.rows) },
    facets: await readFacets(url, ['route', 'error.code', 'sampling.rule', 'level']),
    event: withoutItsRun(event ?? {}),
  };
}

async function readFacets(url: string, fields: readonly string[]): Promise<unknown> {
  const parameters = new URLSearchParams([...Object.entries(WINDOW), ...fields.map((name) => ['field', name])]);
  const response = await fetch(`${url}/v1/facets?${parameters}`);
  const body: unknown = await response.json();
  const facets = isRecord(body) && Array.isArray(body.facets) ? body.facets : [];
  // Values that are equally frequent come in any order.
  return facets.map(({ field, values }) => ({ field, values: Array.isArray(values) ? sorted(values) : values }));
}

/** Times, ids and durations are each run's own, and so is the way by which an event came. */
const OF_ITS_RUN = /^(?:event_id|timestamp|duration_ms|span_id|pid|error\.stack|log\.file\..*|reserved\.event_id)$/;

function withoutItsRun(event: EventRecord): EventRecord {
  const fields = Object.entries(event).filter(([name]) => !OF_ITS_RUN.test(name));
  const steps = Array.isArray(event.steps)
    ? event.steps.map(({ name, service, outcome }) => ({ name, service, outcome }))
    : [];
  return { ...Object.fromEntries(fields), steps };
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

function sorted(rows: readonly EventRecord[]): readonly string[] {
  return rows.map((row) => JSON.stringify(row)).sort();
}
