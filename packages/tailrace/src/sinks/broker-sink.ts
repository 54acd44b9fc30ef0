/** A sink around the writing half of a broker. */
import type { Batch, Sink, SinkContext, SinkOutcome } from '../delivery/sink.ts';
import { BrokerError, type BrokerPublisher, messageOf } from './broker-error.ts';

/** How long events wait for a wrong password, or a topic that somebody has to make, before they are tried again. */
const MISCONFIGURED_AFTER_MS = 60_000;

export function brokerSink(name: string, publisher: BrokerPublisher, context: SinkContext): Sink {
  async function publish(batch: Batch): Promise<SinkOutcome> {
    try {
      const refused = await publisher.publish(batch.lines);
      if (refused.length === 0) return { kind: 'delivered' };
      return { kind: 'partial', refused, retry: [] };
    } catch (error) {
      const reason = messageOf(error);
      const isMisconfigured = error instanceof BrokerError && ['NOT_ALLOWED', 'MISSING'].includes(error.code);
      if (!isMisconfigured) return { kind: 'retry', reason };
      context.notice('broker_refuses', reason);
      return { kind: 'retry', reason, afterMs: MISCONFIGURED_AFTER_MS };
    }
  }
  return {
    name,
    takesLedger: true,
    send: (batch, signal) => Promise.race([publish(batch), aborted(signal)]),
    close: () => publisher.close(),
  };
}

function aborted(signal: AbortSignal): Promise<SinkOutcome> {
  const outcome: SinkOutcome = { kind: 'retry', reason: 'called off before the broker answered' };
  return new Promise((resolve) => {
    if (signal.aborted) resolve(outcome);
    else signal.addEventListener('abort', () => resolve(outcome), { once: true });
  });
}
