import fc from 'fast-check';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../../tests/test-server.ts';
import { FileStore } from './file-store.ts';
import { type ReplayParts, replayLetters } from './replay.ts';
import { allOf, letter } from './testing/dead-letter-store-contract.ts';

const NEVER = new AbortController().signal;

/** Letters whose number is a multiple of three are refused again, and time passes only while it sleeps. */
async function replayOf(count: number, linesPerSecond: number, startRounds = 0) {
  const store = await FileStore.open({ directory: temporaryFolder(), sync: false, fileBytes: 3000 });
  await store.put(Array.from({ length: count }, (_, n) => letter(n + 1, { rounds: startRounds })));
  let nowMs = 0;
  const offers: { readonly atMs: number; readonly ids: readonly string[] }[] = [];
  const parts: ReplayParts = {
    store,
    offer: async (letters) => {
      offers.push({ atMs: nowMs, ids: letters.map(({ id }) => id) });
      return letters.map(({ id }) =>
        Number(id.split('-')[1]) % 3 === 0 ? { kind: 'refused', reason: 'again' } : { kind: 'gone' },
      );
    },
    linesPerSecond,
    maxRounds: 5,
    now: () => nowMs,
    sleep: async (ms) => {
      nowMs += ms;
    },
  };
  return { store, offers, replay: () => replayLetters(parts, { all: true }, NEVER) };
}

test('each letter is offered once a run, never faster than the rate, and what comes back is one round on', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 0, max: 60 }), fc.integer({ min: 1, max: 300 }), async (count, rate) => {
      const { store, offers, replay } = await replayOf(count, rate);
      const back = Math.floor(count / 3);
      expect(await replay()).toMatchObject({ matched: count, replayed: count - back, refused: back, left: 0 });
      const ids = offers.flatMap((offer) => offer.ids);
      expect(new Set(ids).size).toBe(ids.length);
      expect(ids.length).toBe(count);
      let before = 0;
      for (const { atMs, ids } of offers) {
        expect(before).toBeLessThanOrEqual((atMs / 1000) * rate + 1e-6);
        before += ids.length;
      }
      const left = await allOf(store);
      expect(left.map(({ rounds, attempts, reason }) => ({ rounds, attempts, reason }))).toEqual(
        Array.from({ length: back }, () => ({ rounds: 1, attempts: 2, reason: 'again' })),
      );
    }),
    { numRuns: 30 },
  );
});

test('a letter that came back too often is left alone', async () => {
  const { offers, replay } = await replayOf(4, 100, 5);
  expect(await replay()).toMatchObject({
    matched: 4,
    replayed: 0,
    skipped: { truncated: 0, rounds: 4 },
    stopped: null,
  });
  expect(offers).toEqual([]);
});

test('a replay that takes too long for the one who waits ends, and says what is left', async () => {
  const { store, replay } = await replayOf(300, 1);
  const { replayed, refused, left, stopped } = await replay();
  expect(stopped).toContain('4 minutes are over');
  expect(replayed + refused + left).toBe(300);
  expect(left).toBeGreaterThan(50);
  expect(await store.size()).toMatchObject({ count: 300 - replayed });
});
