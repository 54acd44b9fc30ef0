import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatViewState, INITIAL_VIEW, parseViewState, SCREENS, type ViewState } from './view-state.ts';

test('the plain address is the explorer over the last quarter of an hour', () => {
  expect(parseViewState('')).toEqual(INITIAL_VIEW);
  expect(formatViewState(INITIAL_VIEW)).toBe('');
});

test('a link reproduces the screen', () => {
  const state: ViewState = {
    screen: 'explorer',
    q: 'service:payments status:>=500 "card declined" -route:/health',
    range: { from: '2026-11-21T09:00:00.000Z', to: '2026-11-21T09:15:00.000Z' },
    live: false,
    event: '0mb1x9k3fqz7a-42',
    cause: undefined,
    find: undefined,
    letter: undefined,
  };
  expect(parseViewState(formatViewState(state))).toEqual(state);
});

test('whatever was typed comes back as it was', () => {
  const text = fc.string({ unit: 'grapheme', maxLength: 40 });
  const some = fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 30 });
  const states = fc.record({
    screen: fc.constantFrom(...SCREENS),
    q: text,
    range: fc.record({ from: some, to: some }),
    live: fc.boolean(),
    event: fc.option(some, { nil: undefined }),
    cause: fc.option(some, { nil: undefined }),
    find: fc.option(some, { nil: undefined }),
    letter: fc.option(some, { nil: undefined }),
  });
  fc.assert(
    fc.property(states, (state) => {
      expect(parseViewState(formatViewState(state))).toEqual(state);
    }),
  );
});

test('an address from elsewhere does no harm', () => {
  expect(parseViewState('?screen=admin&live=perhaps&from=&event=&other=1')).toEqual(INITIAL_VIEW);
});
