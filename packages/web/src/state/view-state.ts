/** What a screen shows, as the URL's query string says it: a link reproduces the screen. */
import { DEFAULT_RANGE, type TimeRange } from '../time/range.ts';

export const SCREENS = ['explorer', 'ledger', 'dead'] as const;
export type Screen = (typeof SCREENS)[number];

export interface ViewState {
  readonly screen: Screen;
  /** The search string. */
  readonly q: string;
  readonly range: TimeRange;
  /** True where new events are shown as they arrive. */
  readonly live: boolean;
  /** Id of the event in the drawer. */
  readonly event: string | undefined;
  /** Of dead letters: the cause that was chosen, the text that is looked for, and the id of the letter in the drawer. */
  readonly cause: string | undefined;
  readonly find: string | undefined;
  readonly letter: string | undefined;
}

export const INITIAL_VIEW: ViewState = {
  screen: 'explorer',
  q: '',
  range: DEFAULT_RANGE,
  live: false,
  event: undefined,
  cause: undefined,
  find: undefined,
  letter: undefined,
};

/** Reads a query string; what it doesn't understand is as if it weren't there. */
export function parseViewState(search: string): ViewState {
  const params = new URLSearchParams(search);
  const from = params.get('from') || DEFAULT_RANGE.from;
  const to = params.get('to') || DEFAULT_RANGE.to;
  return {
    screen: SCREENS.find((screen) => screen === params.get('screen')) ?? 'explorer',
    q: params.get('q') ?? '',
    range: { from, to },
    live: params.get('live') === '1',
    event: params.get('event') || undefined,
    cause: params.get('cause') || undefined,
    find: params.get('find') || undefined,
    letter: params.get('letter') || undefined,
  };
}

/** Writes a query string with its question mark; empty where everything is as at the start. */
export function formatViewState(state: ViewState): string {
  const params = new URLSearchParams();
  if (state.screen !== 'explorer') params.set('screen', state.screen);
  if (state.q !== '') params.set('q', state.q);
  if (state.range.from !== DEFAULT_RANGE.from) params.set('from', state.range.from);
  if (state.range.to !== DEFAULT_RANGE.to) params.set('to', state.range.to);
  if (state.live) params.set('live', '1');
  if (state.event !== undefined) params.set('event', state.event);
  for (const name of ['cause', 'find', 'letter'] as const) {
    const value = state[name];
    if (value !== undefined) params.set(name, value);
  }
  const text = params.toString();
  return text === '' ? '' : `?${text}`;
}
