/**
 * The parts behind the API, in the order in which data meets them backwards: store, queue, writer, ingest. Each is there only
 * where a role needs it.
 *
 *   ingest   queue, ingest, dead letters; a shared store too, which shows the ledger
 *   write    queue, store, writer, dead letters
 *   query    store
 */
import { createProducerId } from 'tailrace/event';
import { createRedactor } from 'tailrace/redaction';
import { createLiveTail } from '../api/live-tail.ts';
import type { Metrics } from '../api/metrics.ts';
import { createDeadLetterDesk } from '../dead/desk.ts';
import type { LiveConfig } from '../live-config.ts';
import type { Log } from '../log.ts';
import type { Queue } from '../queue/queue.ts';
import { createBury } from '../sources/bury.ts';
import { createLineCheck } from '../sources/check-line.ts';
import { Ingest } from '../sources/ingest.ts';
import type { Store } from '../store/store.ts';
import { LedgerBook } from '../writer/ledger-book.ts';
import { Pace } from '../writer/pace.ts';
import { QueueSight } from '../writer/queue-sight.ts';
import { viewSharedLedger } from '../writer/shared-ledger.ts';
import { Writer } from '../writer/writer.ts';
import { nameFolder } from './name-folder.ts';
import { openDeadLetters } from './open-dead-letters.ts';
import { openBroker, openLocalSpool } from './open-queue.ts';
import { type ChangeBell, openFallback } from './open-way-in.ts';
import type { ServerRuntime } from './parts.ts';
import { reportStage } from './report-stage.ts';

export interface RuntimeOptions {
  readonly config: LiveConfig;
  readonly openStore: (config: LiveConfig, log: Log) => Promise<Store>;
  /** @defaultValue the one that the configuration names */
  readonly openBroker?: ((config: LiveConfig, log: Log) => Promise<Queue | undefined>) | undefined;
  readonly metrics: Metrics;
  readonly version: string;
  readonly log: Log;
  readonly now: () => number;
  /** Takes what is to be closed, in the order in which it was opened. */
  readonly onOpen: (close: () => Promise<void>) => void;
}

const TAIL_BACKLOG_LINES = 1000;
const MAX_AHEAD_BYTES = 2 * 1024 * 1024;
const STALL_MS = 1000;

export async function openRuntime(options: RuntimeOptions): Promise<ServerRuntime> {
  const { config, log, now, onOpen, metrics } = options;
  const { isStoreShared } = config.arrangement;
  const has = new Set(config.arrangement.roles);

  const isStoreHere = has.has('write') || has.has('query') || isStoreShared;
  const store = isStoreHere ? await options.openStore(config, log) : undefined;
  if (store !== undefined) onOpen(() => store.close());

  const live = createLiveTail({
    get maxClients() {
      return config.tailClients;
    },
    backlogLines: TAIL_BACKLOG_LINES,
  });
  let queue: Queue | undefined;
  const seesQueue = has.has('ingest') || has.has('write');
  const sight = new QueueSight(seesQueue);
  const newBook = (snapshot?: unknown) =>
    new LedgerBook(
      {
        maxProducers: config.maxProducers,
        get graceMs() {
          return config.ledgerGraceSeconds * 1000;
        },
        get passedMs() {
          return Math.min(queue?.stats().passedMs ?? Number.POSITIVE_INFINITY, sight.passedMs);
        },
        now,
      },
      snapshot,
    );
  const ownBook = has.has('write') && store !== undefined && store.sharedLedger === undefined;
  const book = ownBook ? newBook(store.checkpoint?.ledger) : undefined;
  const shared = store?.sharedLedger;
  const view =
    shared === undefined
      ? undefined
      : viewSharedLedger({
          ledger: shared,
          book: newBook(),
          sight,
          queue: () => queue?.stats(),
          process: seesQueue ? await nameFolder(config.dataDir) : undefined,
          maxProducers: config.maxProducers,
          log,
          now,
        });
  if (view !== undefined) onOpen(async () => view.close());
  const common = {
    config,
    version: options.version,
    live,
    store,
    ledger: view === undefined ? book && (async () => book.report()) : () => view.report(),
  };
  const redactor = config.redaction === 'on' ? createRedactor() : undefined;
  const newCheck = (keepsFields: () => boolean) =>
    createLineCheck({
      redactor,
      get maxLineBytes() {
        return config.maxLineBytes;
      },
      now,
      keepsFields,
    });
  const isDeadShared = config.deadLetters !== 'file';
  const seesDead = seesQueue || isDeadShared;
  const opened = seesDead ? await openDeadLetters({ config, log, now, onOpen }) : undefined;
  const deskWith = (ingest: Ingest | undefined) =>
    opened === undefined
      ? undefined
      : createDeadLetterDesk({
          letters: opened.letters,
          check: newCheck(() => false),
          offer: ingest === undefined ? undefined : (letters) => ingest.acceptLetters(letters),
          limits: {
            get maxRounds() {
              return config.deadMaxRounds;
            },
            get linesPerSecond() {
              return config.deadReplayRate;
            },
          },
          tell: opened.tell,
          now,
        });
  if (opened === undefined || !seesQueue) {
    return {
      ...common,
      dead: deskWith(undefined),
      bury: undefined,
      ingest: undefined,
      queue: undefined,
      writer: undefined,
      stage: undefined,
    };
  }

  const bury = createBury({ dead: opened.letters, redactor, now });
  const broker = await (options.openBroker ?? openBroker)(config, log);
  const bell: ChangeBell = { ring: () => {} };
  const fallback =
    broker !== undefined && has.has('ingest') ? await openFallback(broker, bell, { config, bury, log }) : undefined;
  const entrance = fallback ?? broker ?? (await openLocalSpool(config, store?.checkpoint?.position, log));
  queue = entrance;
  onOpen(() => entrance.close());
  const pace = broker === undefined ? new Pace({ maxBytes: MAX_AHEAD_BYTES, stallMs: STALL_MS }) : undefined;
  const ingest = has.has('ingest')
    ? new Ingest({
        queue: entrance,
        // Events of one producer reach a broker by several ways: only the writer sees all of them.
        book: broker === undefined ? book : undefined,
        check: newCheck(() => live.isWatched),
        bury,
        live,
        pace,
        producer: createProducerId(now(), Math.random),
        onCount: metrics.countIngest,
      })
    : undefined;
  if (ingest !== undefined) {
    opened.recordWith((event) => ingest.accept([{ kind: 'value', number: 1, value: event, bytes: 0 }], 'server'));
  }
  const isBatched = broker !== undefined || store?.sharedLedger !== undefined;
  // Without the role, the writer of a shared store only helps while the broker is down.
  const writes = has.has('write') || (fallback !== undefined && isStoreShared);
  const writer =
    store !== undefined && writes
      ? new Writer({
          queue: entrance,
          store,
          book,
          pace,
          ...(broker === undefined ? {} : { check: newCheck(() => false) }),
          bury,
          get commitLines() {
            return config.commitLines;
          },
          get commitBytes() {
            return config.commitBytes;
          },
          get commitSeconds() {
            return config.commitSeconds;
          },
          get batchLines() {
            return isBatched ? config.mqBatchSize : undefined;
          },
          get batchTimeoutMs() {
            return isBatched ? config.mqBatchTimeoutMs : undefined;
          },
          log,
          now,
        })
      : undefined;
  if (writer !== undefined) {
    await writer.replay();
    writer.start();
    onOpen(() => writer.close());
  }
  const stage =
    fallback === undefined || ingest === undefined
      ? undefined
      : reportStage({ fallback, ingest, writer, bell, config, metrics, log, now, onOpen });
  return { ...common, dead: deskWith(ingest), bury, ingest, queue: entrance, writer, stage };
}
