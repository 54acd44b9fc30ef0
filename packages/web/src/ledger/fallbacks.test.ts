import { expect, test } from 'vitest';
import type { EventRecord } from '../api/types.ts';
import { standingFalls } from './fallbacks.ts';

const nobody = () => false;

function change(producer: string, minute: number, ended: boolean, more: EventRecord = {}): EventRecord {
  const at = `2026-11-21T09:${String(minute).padStart(2, '0')}:00.000Z`;
  return {
    event_id: `${producer}-${minute}`,
    timestamp: at,
    service: 'payments',
    host: 'web-1',
    'fallback.route': 'events',
    'fallback.from': ended ? 'database' : 'queue',
    'fallback.to': ended ? 'queue' : 'database',
    'fallback.to_sink': ended ? 'kafka' : 'mongodb',
    'fallback.ended': ended,
    'fallback.since': at,
    'fallback.waiting_bytes': 1200,
    ...more,
  };
}

test('a route stands where its last word left it', () => {
  const fallen = change('producer01', 5, false);
  expect(standingFalls([fallen, change('producer01', 3, true)], undefined, nobody)).toEqual([
    {
      id: 'producer01-5',
      service: 'payments',
      host: 'web-1',
      route: 'events',
      stage: 'database',
      name: 'mongodb',
      sinceMs: Date.parse('2026-11-21T09:05:00.000Z'),
      waitingBytes: 1200,
    },
  ]);
  expect(standingFalls([change('producer01', 7, true), fallen], undefined, nobody)).toEqual([]);
});

test('each route of each host has a word of its own', () => {
  const events = [
    change('producer01', 9, true),
    change('producer02', 8, false, { host: 'web-2' }),
    change('producer01', 7, false, { 'fallback.route': 'audit' }),
    change('producer01', 5, false),
  ];
  expect(standingFalls(events, undefined, nobody).map(({ host, route }) => [host, route])).toEqual([
    ['web-2', 'events'],
    ['web-1', 'audit'],
  ]);
});

test('a process that has ended stands nowhere', () => {
  expect(standingFalls([change('producer01', 5, false)], undefined, (producer) => producer === 'producer01')).toEqual(
    [],
  );
});

test("this server's own fall is shown once", () => {
  const own = { stage: 'file', name: 'spool', since: '2026-11-21T09:05:00.400Z', waitingBytes: 5 };
  const told = change('server00001', 5, false, { 'fallback.route': undefined, 'fallback.to_name': 'spool' });
  expect(standingFalls([told], own, nobody)).toEqual([]);
  expect(standingFalls([told], { ...own, since: '2026-11-21T08:00:00Z' }, nobody)).toHaveLength(1);
});
