import { afterEach, expect, test } from 'vitest';
import { temporaryFolder } from '../../tests/test-server.ts';
import type { DeadLetterStore } from './dead-letter-store.ts';
import { DeadLetters, type DeadLettersOptions, type DeadLettersStatus } from './dead-letters.ts';
import { FileStore } from './file-store.ts';
import { FillWatch } from './fill-watch.ts';
import { allOf, letter } from './testing/dead-letter-store-contract.ts';

const DAY_MS = 86_400_000;
const HUGE = { maxBytes: 2 ** 40, maxLetters: 2 ** 30, maxAgeMs: 36_500 * DAY_MS };
const START_MS = Date.parse(letter(0).at);

const open: DeadLetters[] = [];
afterEach(async () => {
  for (const letters of open.splice(0)) await letters.close();
});

async function openLetters(options: Partial<DeadLettersOptions> = {}) {
  const told: [string, DeadLettersStatus][] = [];
  const log: string[] = [];
  const local = options.local ?? (await FileStore.open({ directory: temporaryFolder(), sync: false }));
  const letters = await DeadLetters.open({
    local,
    bounds: HUGE,
    onLevel: (level, status) => told.push([level, status]),
    log: (level, message) => log.push(`${level} ${message}`),
    now: () => START_MS,
    ...options,
  });
  open.push(letters);
  return { letters, local, told, log };
}

const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, n) => letter(from + n));
const idsOf = async (store: DeadLetterStore) => (await allOf(store)).map(({ id }) => Number(id.split('-')[1]));

test('the oldest go when there are too many, and an alert comes before the first of them goes', async () => {
  const { letters, told } = await openLetters({ bounds: { ...HUGE, maxLetters: 100 } });
  await letters.append(numbers(1, 85));
  await letters.look();
  expect(told).toMatchObject([['near', { count: 85, fill: 0.85, discarded: 0 }]]);
  for (let n = 86; n <= 130; n += 1) await letters.append([letter(n)]);
  const kept = await idsOf(letters.store);
  expect(kept.length).toBeLessThanOrEqual(100);
  expect(kept.length + letters.status().discarded).toBe(130);
  expect(kept.at(-1)).toBe(130);
  expect(kept[0]).toBe(130 - kept.length + 1);
  expect(told.map(([level]) => level)).toEqual(['near', 'losing']);

  await letters.store.remove((await allOf(letters.store)).map(({ id }) => id));
  await letters.look();
  expect(told.map(([level]) => level)).toEqual(['near', 'losing', 'room']);
});

test('bytes have a bound too, whatever is in the letters', async () => {
  const { letters } = await openLetters({ bounds: { ...HUGE, maxBytes: 100_000 } });
  for (let n = 1; n <= 100; n += 1) {
    await letters.append([letter(n, { line: Buffer.from('"'.repeat(n % 3 === 0 ? 10 : 5000)) })]);
    expect((await letters.store.size()).bytes).toBeLessThan(110_000);
  }
  await letters.look();
  expect((await letters.store.size()).bytes).toBeLessThanOrEqual(100_000);
  expect((await idsOf(letters.store)).at(-1)).toBe(100);
});

test('what is too old goes, and is announced before', async () => {
  let nowMs = START_MS;
  const { letters, told } = await openLetters({ bounds: { ...HUGE, maxAgeMs: 10 * DAY_MS }, now: () => nowMs });
  await letters.append(numbers(1, 5));
  await letters.look();
  nowMs = START_MS + 9 * DAY_MS;
  await letters.append([letter(6, { at: new Date(nowMs).toISOString() })]);
  await letters.look();
  expect(told.map(([level]) => level)).toEqual(['near']);
  nowMs = START_MS + 11 * DAY_MS;
  await letters.look();
  expect(await idsOf(letters.store)).toEqual([6]);
  expect(letters.status()).toMatchObject({ discarded: 5 });
});

test('while the shared place is away letters wait in files here, and go there when it is back', async () => {
  const place = await FileStore.open({ directory: temporaryFolder(), sync: false });
  let isAway = true;
  const away = async <T>(work: () => Promise<T>): Promise<T> => {
    if (isAway) throw new Error('connection refused');
    return work();
  };
  const shared: DeadLetterStore = {
    kind: 'redis',
    put: (letters) => away(() => place.put(letters)),
    scan: () => place.scan(),
    find: (ids) => away(() => place.find(ids)),
    remove: (ids) => away(() => place.remove(ids)),
    size: () => away(() => place.size()),
    close: () => place.close(),
  };
  const { letters, local, log } = await openLetters({ shared });
  await letters.append(numbers(1, 3));
  await letters.append([letter(4)]);
  expect(letters.status()).toMatchObject({ place: 'redis', waiting: 4, failure: 'connection refused' });
  expect(log.filter((line) => line.includes("redis can't be used"))).toHaveLength(1);
  expect(await idsOf(local)).toEqual([1, 2, 3, 4]);

  isAway = false;
  await letters.look();
  expect(letters.status()).toMatchObject({ waiting: 0, failure: undefined, count: 4 });
  expect(await idsOf(place)).toEqual([1, 2, 3, 4]);
  await letters.append([letter(5)]);
  expect(await idsOf(local)).toEqual([]);
});

test('a place that fills and empties around the bound is told once', () => {
  const told: string[] = [];
  const watch = new FillWatch((level) => told.push(level));
  for (const fill of [0.1, 0.79, 0.81, 0.79, 0.9, 0.7, 0.85]) watch.note(fill, 0);
  expect(told).toEqual(['near']);
  for (const fill of [0.99, 0.95, 0.99]) watch.note(fill, 3);
  watch.note(0.5, 0);
  watch.note(0.8, 0);
  expect(told).toEqual(['near', 'losing', 'room', 'near']);
});
