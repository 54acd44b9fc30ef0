import { parseArgs } from 'node:util';

export interface DemoOptions {
  /** Payments to make; `undefined` until Ctrl-C. */
  readonly payments: number | undefined;
  readonly concurrency: number;
  readonly seed: number;
  readonly browser: boolean;
  /** Exit after the last payment, when everything has arrived. */
  readonly once: boolean;
}

export const DEMO_USAGE = `Usage: npm run demo -- [options]

Starts a Tailrace server, a shop, and customers who pay.

  --payments N      stop after N payments (default: go on until Ctrl-C)
  --concurrency N   customers at once (default: 5)
  --seed N          seed of all chance (default: a new one each time)
  --once            exit after the last payment; 2,000 payments unless --payments says otherwise
  --no-browser      do not open the browser

Environment: TAILRACE_PORT (7300), PAYMENTS_PORT (7310), PAYMENTS_TIME_FACTOR (1), LOG_SAMPLING_NORMAL_RATE (0.1),
TAILRACE_DATA_DIR (.demo); and what arranges server and shop: STORAGE_TYPE, LOG_FILE_PATH, MQ_ENABLED, MQ_TYPE,
MQ_BROKER_ADDRESS, REDIS_URL, MONGODB_URI, CLICKHOUSE_URL, … as docs/configuration.md has them. For example:

  STORAGE_TYPE=file npm run demo
  STORAGE_TYPE=kafka MQ_BROKER_ADDRESS=127.0.0.1:9092 npm run demo`;

const PAYMENTS_OF_ONE_RUN = 2000;

/**
 * Reads the command line; `undefined` where it asks for help.
 *
 * @throws Error naming the option that is wrong.
 */
export function readDemoOptions(args: readonly string[], nowMs: number): DemoOptions | undefined {
  const { values } = parseArgs({
    args: [...args],
    allowNegative: true,
    options: {
      payments: { type: 'string' },
      concurrency: { type: 'string' },
      seed: { type: 'string' },
      browser: { type: 'boolean' },
      once: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help === true) return undefined;
  const once = values.once ?? false;
  return {
    payments: readNumber('--payments', values.payments, 1, 1e9) ?? (once ? PAYMENTS_OF_ONE_RUN : undefined),
    concurrency: readNumber('--concurrency', values.concurrency, 1, 1000) ?? 5,
    seed: readNumber('--seed', values.seed, 0, 2 ** 32 - 1) ?? nowMs % 2 ** 32,
    browser: values.browser ?? true,
    once,
  };
}

function readNumber(option: string, text: string | undefined, lowest: number, highest: number): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (Number.isInteger(value) && value >= lowest && value <= highest) return value;
  throw new Error(`${option} ${text}: must be a whole number from ${lowest} to ${highest}`);
}
