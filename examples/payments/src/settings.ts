/** What the shop is told by its environment. */
export interface ShopSettings {
  readonly host: string;
  readonly port: number;
  /** Seed of everything that happens by chance in the shop. */
  readonly seed: number;
  /** 1 for real time; 0.1 makes every latency, and what counts as slow, ten times shorter. */
  readonly timeFactor: number;
  /** Share of the normal events that are kept. */
  readonly normalRate: number;
}

/** A request is slow from here on, in real time. */
export const SLOW_THRESHOLD_MS = 2000;

const NUMBERS = {
  PAYMENTS_PORT: { fallback: 7310, lowest: 0, highest: 65535 },
  PAYMENTS_SEED: { fallback: 1, lowest: 0, highest: 2 ** 32 - 1 },
  PAYMENTS_TIME_FACTOR: { fallback: 1, lowest: 0.001, highest: 10 },
  /** One in ten, not the library's one in a hundred, so that a screen with a minute of traffic has something to show. */
  LOG_SAMPLING_NORMAL_RATE: { fallback: 0.1, lowest: 0, highest: 1 },
} as const;

/**
 * Reads the shop's settings.
 *
 * @throws Error naming every variable that is wrong.
 */
export function readShopSettings(env: NodeJS.ProcessEnv): ShopSettings {
  const faults: string[] = [];
  const number = (name: keyof typeof NUMBERS): number => {
    const { fallback, lowest, highest } = NUMBERS[name];
    const text = env[name];
    if (text === undefined || text === '') return fallback;
    const value = Number(text);
    if (value >= lowest && value <= highest) return value;
    faults.push(`${name}=${text}: must be a number from ${lowest} to ${highest}`);
    return fallback;
  };
  const settings = {
    host: '127.0.0.1',
    port: number('PAYMENTS_PORT'),
    seed: number('PAYMENTS_SEED'),
    timeFactor: number('PAYMENTS_TIME_FACTOR'),
    normalRate: number('LOG_SAMPLING_NORMAL_RATE'),
  };
  if (faults.length > 0) throw new Error(`The shop can't start:\n  ${faults.join('\n  ')}`);
  return settings;
}
