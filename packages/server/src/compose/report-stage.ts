/** The report of the stage that the way in is at, wired to everything that tells of it. */
import { BREAKER_PRESETS } from 'tailrace/delivery';
import type { Metrics } from '../api/metrics.ts';
import type { FallbackQueue } from '../fallback/fallback-queue.ts';
import { liveWebhook } from '../fallback/live-webhook.ts';
import { StageReport } from '../fallback/stage-report.ts';
import type { LiveConfig } from '../live-config.ts';
import type { Log } from '../log.ts';
import type { Ingest } from '../sources/ingest.ts';
import type { Writer } from '../writer/writer.ts';
import { type ChangeBell, fallbackClock } from './open-way-in.ts';

export interface ReportStageParts {
  readonly fallback: FallbackQueue;
  readonly ingest: Ingest;
  readonly writer: Writer | undefined;
  readonly bell: ChangeBell;
  readonly config: LiveConfig;
  readonly metrics: Metrics;
  readonly log: Log;
  readonly now: () => number;
  readonly onOpen: (close: () => Promise<void>) => void;
}

export function reportStage(parts: ReportStageParts): StageReport {
  const { fallback, ingest, writer, bell, config, metrics, log, now, onOpen } = parts;
  const { queue, store } = config.arrangement;
  const webhook = liveWebhook(() => config.alertWebhookUrl, log);
  onOpen(() => webhook.close());
  const report = new StageReport({
    queue: fallback,
    stages: { broker: queue, store: writer === undefined ? undefined : store },
    isStoreUp: () => writer !== undefined && writer.stats().failure === undefined,
    holdMs: BREAKER_PRESETS[config.fallback].openMs,
    clock: fallbackClock,
    service: () => config.serviceName,
    record: (event) => ingest.accept([{ kind: 'value', number: 1, value: event, bytes: 0 }], 'server'),
    post: (text) => webhook.post(text),
    count: metrics.countFallback,
    log,
    now,
  });
  onOpen(async () => report.close());
  bell.ring = () => report.look();
  return report;
}
