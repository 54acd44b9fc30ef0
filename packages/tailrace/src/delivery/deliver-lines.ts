/** One batch on its way through the sinks of its route, until every line of it is delivered, dead or skipped. */
import { backoffMs } from './backoff.ts';
import { sleep } from './clock.ts';
import { type SelectedLines, selectLinesFor } from './line-kinds.ts';
import type { Bury, DeadLine, Route } from './route.ts';
import { type Batch, type SinkOutcome, toBatch } from './sink.ts';
import type { SinkGate } from './sink-gate.ts';

/**
 * Delivers lines. Resolves true when the last of them is delivered, dead or skipped; false when `stop` came first, and
 * some of them must be read again from the spool.
 *
 * The lines go to the first sink of the route that may be tried. A sink that failed `retry.attempts` times is passed over
 * for the next one; when no sink is left, the round begins again with the first: so the last sink is tried for ever, and
 * a recovered first choice is found again.
 */
export async function deliverLines(route: Route, batch: Batch, bury: Bury, stop: AbortSignal): Promise<boolean> {
  const tries = new Map<SinkGate, Tries>();
  let rest = batch;
  let sent = 0;
  while (rest.lines.length > 0) {
    if (stop.aborted) return false;
    const heard = route.changed.rings;
    const choice = chooseSink(route, tries);
    if (choice.kind === 'wait') {
      await route.changed.waitAfter(heard, route.clock, choice.ms, stop);
      continue;
    }
    const { gate } = choice;
    const selected = selectLinesFor(gate.sink, route.name, rest.lines);
    if (selected.lines.length === 0) {
      await route.skip(gate.sink.name, selected.ownFailures);
      return true;
    }
    const waitMs = route.rateLimit?.book(selected.lines.length) ?? 0;
    if (waitMs > 0) await sleep(route.clock, waitMs, stop);
    if (!gate.enter()) continue;
    const toSend = selected.lines === rest.lines ? rest : toBatch(selected.lines);
    const attempt = await gate.send(toSend, stop);
    sent += 1;
    route.noteSinks();
    if (attempt.kind === 'called_off') return false;
    if (attempt.failure !== undefined) route.tellFailure(gate.sink.name, attempt.failure, toSend.lines[0]);

    const left = await settle(
      route,
      gate,
      toSend,
      attempt.outcome,
      (sink, dead, stop) => bury(sink, withAttempts(dead, sent), stop),
      stop,
    );
    if (left === undefined) return false;
    if (left.length === 0) {
      await route.skip(gate.sink.name, selected.ownFailures);
      return true;
    }
    if (left.length === toSend.lines.length) tries.set(gate, countFailure(route, tries.get(gate)));
    route.countRetry();
    rest = toBatch(withSetAside(rest.lines, left, selected));
  }
  return true;
}

function withAttempts(dead: readonly DeadLine[], attempts: number): readonly DeadLine[] {
  return dead.map((line) => ({ ...line, attempts }));
}

/** What one batch has met at one sink. */
interface Tries {
  readonly failures: number;
  readonly failedAt: number;
  /** The back-off ends then. */
  readonly nextAt: number;
  /** It failed often enough for this round. */
  readonly isPassedOver: boolean;
}

function countFailure(route: Route, before: Tries | undefined): Tries {
  const failures = (before?.failures ?? 0) + 1;
  const now = route.clock.now();
  return {
    failures,
    failedAt: now,
    nextAt: now + backoffMs(failures, route.retry),
    isPassedOver: failures % route.retry.attempts === 0,
  };
}

type Choice = { readonly kind: 'send'; readonly gate: SinkGate } | { readonly kind: 'wait'; readonly ms: number };

/** How long to look away when nobody knows when a sink will be available; a bell rings when one is. */
const LOOK_AGAIN_MS = 1000;

function chooseSink(route: Route, tries: Map<SinkGate, Tries>): Choice {
  const now = route.clock.now();
  let soonest = Number.POSITIVE_INFINITY;
  for (const gate of route.gates) {
    const met = tries.get(gate);
    // Another batch got through since this one failed: the sink is back, and there is nothing to wait for.
    const backOffEnds = met === undefined || gate.succeededAt > met.failedAt ? 0 : met.nextAt;
    const availableAt = Math.max(gate.admitsAt, gate.pausedUntil, backOffEnds);
    soonest = Math.min(soonest, availableAt);
    if (met?.isPassedOver) continue;
    if (availableAt <= now) return { kind: 'send', gate };
    // A back-off, or a destination that asks for a short pause, is waited for. Only a failure that lasts (an open breaker,
    // a long pause) is a reason to go on to the next sink.
    if (gate.admitsAt <= now && availableAt - now <= route.retry.maxMs) return { kind: 'wait', ms: availableAt - now };
  }
  for (const [gate, met] of tries) tries.set(gate, { ...met, isPassedOver: false });
  return { kind: 'wait', ms: Math.min(Math.max(soonest - now, 0), LOOK_AGAIN_MS) };
}

/** Books an outcome. Answers the lines that are still to be sent, `undefined` where it was stopped over dead letters. */
async function settle(
  route: Route,
  gate: SinkGate,
  batch: Batch,
  outcome: SinkOutcome,
  bury: Bury,
  stop: AbortSignal,
): Promise<readonly Buffer[] | undefined> {
  switch (outcome.kind) {
    case 'delivered':
      route.countDelivered(batch.lines.length, outcome.duplicates ?? 0);
      return [];
    case 'retry':
      return batch.lines;
    case 'refused': {
      const refused = batch.lines.map((line) => ({ reason: outcome.reason, line }));
      return (await bury(gate.sink.name, refused, stop)) ? [] : undefined;
    }
    case 'partial': {
      const reasons = new Map(outcome.refused.map((line) => [line.index, line.reason]));
      const retried = new Set(outcome.retry.filter((index) => !reasons.has(index)));
      const refused = batch.lines.flatMap((line, index) => {
        const reason = reasons.get(index);
        return reason === undefined ? [] : [{ reason, line }];
      });
      if (refused.length > 0 && !(await bury(gate.sink.name, refused, stop))) return undefined;
      route.countDelivered(batch.lines.length - refused.length - retried.size, outcome.duplicates ?? 0);
      return batch.lines.filter((_, index) => retried.has(index));
    }
  }
}

/** What is left for the next try, in the spool's order: also the lines that this sink didn't get but another one may. */
function withSetAside(lines: readonly Buffer[], left: readonly Buffer[], selected: SelectedLines): readonly Buffer[] {
  if (selected.lines === lines) return left;
  const sent = new Set(selected.lines);
  const unsent = new Set(left);
  return lines.filter((line) => unsent.has(line) || !sent.has(line));
}
