/**
 * Each logger, set up by its own documentation for the same task: one event for each request, in files below a folder. A logger
 * takes a request's number and returns; whatever it does later is its own affair.
 */
import { join } from 'node:path';
import { createLogger, type DrainContext, initLogger } from 'evlog';
import { createFsDrain } from 'evlog/fs';
import { createDrainPipeline } from 'evlog/pipeline';
import pino from 'pino';
import { createTailrace, fileSink } from 'tailrace';
import winston from 'winston';

export interface PeerLogger {
  log(n: number): void;
  /** Writes out what is held back, at an orderly end. */
  close(): Promise<void>;
}

const FIELDS = {
  route: '/payments',
  method: 'POST',
  status: 200,
  'user.id': 'user-17',
  'payment.amount': 4_200,
  'payment.currency': 'EUR',
  'cart.items': 3,
  note: 'the same for all of them, and about as long as such a thing is',
};

function pinoTo(destination: pino.DestinationStream, end: () => void): PeerLogger {
  const log = pino(destination);
  return {
    log: (n) => log.info({ ...FIELDS, n }),
    close: () =>
      new Promise((resolve) => {
        log.flush(() => {
          end();
          resolve();
        });
      }),
  };
}

function tailraceTo(folder: string, fields: Readonly<Record<string, unknown>>): PeerLogger {
  const tailrace = createTailrace({
    service: 'payments',
    dataDir: join(folder, 'data'),
    sampling: { normalRate: 1 },
    routes: [{ name: 'file', sinks: [fileSink({ path: join(folder, 'log.ndjson') })] }],
  });
  return {
    log: (n) => tailrace.run({ ...fields, n }, () => {}),
    close: () => tailrace.close(10_000),
  };
}

export const PEERS = {
  'pino, synchronous': (folder) => {
    const destination = pino.destination({ dest: join(folder, 'log.ndjson'), sync: true });
    return pinoTo(destination, () => destination.end());
  },
  'pino, buffered (minLength 4096)': (folder) => {
    const destination = pino.destination({ dest: join(folder, 'log.ndjson'), sync: false, minLength: 4096 });
    return pinoTo(destination, () => destination.end());
  },
  'pino, worker transport': (folder) => {
    const transport = pino.transport({ target: 'pino/file', options: { destination: join(folder, 'log.ndjson') } });
    return pinoTo(transport, () => transport.end());
  },
  'winston, File transport': (folder) => {
    const file = new winston.transports.File({ filename: join(folder, 'log.ndjson') });
    const log = winston.createLogger({ format: winston.format.json(), transports: [file] });
    return {
      log: (n) => void log.info('request done', { ...FIELDS, n }),
      close: () =>
        new Promise((resolve) => {
          file.once('finish', () => resolve());
          log.end();
        }),
    };
  },
  'evlog, file drain through its pipeline': (folder) => {
    const drain = createDrainPipeline<DrainContext>()(createFsDrain({ dir: folder }));
    initLogger({ env: { service: 'payments' }, pretty: false, silent: true, drain });
    return {
      log: (n) => {
        const log = createLogger({ ...FIELDS, n });
        log.emit();
      },
      close: () => drain.flush(),
    };
  },
  'Tailrace, spool to file': (folder) => tailraceTo(folder, FIELDS),
  'Tailrace, the same with failed requests': (folder) => tailraceTo(folder, { ...FIELDS, status: 500 }),
} as const satisfies Readonly<Record<string, (folder: string) => PeerLogger>>;

export type PeerName = keyof typeof PEERS;

export function isPeerName(name: string): name is PeerName {
  return Object.hasOwn(PEERS, name);
}
