/** Carries out the steps of each part, one after the other, until the campaign stops. */
import { setTimeout as wait } from 'node:timers/promises';
import type { OwnService } from '../../tests/services.ts';
import { spoilCursors, tearTail } from './dead-spool.ts';
import type { Happenings } from './happenings.ts';
import type { Link } from './link.ts';
import type { ProcessPart } from './process-part.ts';
import type { ProducerSlot } from './producer-slot.ts';
import type { LinkStepKind, ProducerStepKind, ServiceStepKind, Step } from './schedule.ts';

export interface Going {
  readonly stop: AbortSignal;
  readonly happenings: Happenings;
}

const MAX_JUMP_MS = 6 * 3_600_000;
const SHORTEST_FREEZE_MS = 300;
const PATIENCE_MS = 10_000;
const MET_AT_ITS_START = 0.1;

/** Leaves the part alone, acts, and so on. */
async function carryOut<Kind extends string>(
  steps: Iterable<Step<Kind>>,
  { stop }: Going,
  act: (step: Step<Kind>) => Promise<void>,
  isReady: (step: Step<Kind>) => boolean = () => true,
): Promise<void> {
  for (const step of steps) {
    await pauseUntil(() => isReady(step), stop);
    await pause(step.afterMs, stop);
    if (stop.aborted) return;
    await act(step);
  }
}

/** Waits, but not beyond the end of the campaign. */
async function pause(ms: number, stop: AbortSignal): Promise<void> {
  await wait(ms, undefined, { signal: stop }).catch((error: unknown) => {
    if (!stop.aborted) throw error;
  });
}

/** Waits for a condition for some seconds: on a busy machine things take their time. */
async function pauseUntil(isMet: () => boolean, stop: AbortSignal): Promise<void> {
  for (const end = performance.now() + PATIENCE_MS; performance.now() < end && !stop.aborted; await pause(50, stop)) {
    if (isMet()) return;
  }
}

export function troubleProducer(
  slot: ProducerSlot,
  steps: Iterable<Step<ProducerStepKind>>,
  going: Going,
): Promise<void> {
  return carryOut(
    steps,
    going,
    (step) => troubleProducerOnce(slot, step, going),
    // Now and then it is met while it starts.
    ({ draw }) => draw < MET_AT_ITS_START || slot.hasBegun(),
  );
}

async function troubleProducerOnce(
  slot: ProducerSlot,
  { kind, forMs, draw }: Step<ProducerStepKind>,
  { stop, happenings }: Going,
): Promise<void> {
  const kill = async (): Promise<void> => {
    await slot.kill();
    happenings.note('kill producer', slot.name);
  };
  const { disk } = slot;
  if (kind === 'freeze') {
    slot.assertRunning();
    happenings.note('freeze producer', slot.name);
    slot.freeze();
    await pause(forMs + SHORTEST_FREEZE_MS, stop);
    slot.thaw();
  } else if (kind === 'jump-clock') {
    const clockShiftMs = Math.round((draw - 0.5) * 2 * MAX_JUMP_MS);
    slot.send({ clockShiftMs });
    happenings.note('clock jump', `${slot.name} by ${Math.round(clockShiftMs / 60_000)} min`);
  } else if (kind === 'end') {
    slot.assertRunning();
    await slot.end('SIGTERM');
    happenings.note('end producer', slot.name);
    await slot.start();
  } else if (kind === 'kill' || kind === 'tear' || kind === 'spoil-cursor') {
    await kill();
    if (kind !== 'kill') spoil(slot, kind, draw, happenings);
    await pause(forMs, stop);
    await slot.start();
  } else if (disk !== undefined && kind === 'read-only-disk') {
    // A disk on which a file is open for writing can't become read-only: the producer finds it so when it comes back.
    await kill();
    disk.makeReadOnly();
    try {
      happenings.note('read-only disk', slot.name);
      await slot.start();
      await pauseUntil(() => slot.hasBegun(), stop);
      await pause(forMs, stop);
      await kill();
    } finally {
      disk.makeWritable();
    }
    await slot.start();
  } else if (disk !== undefined) {
    disk.fill();
    try {
      happenings.note('full disk', slot.name);
      await pause(forMs / 2, stop);
      if (kind === 'fill-disk-and-kill') {
        await kill();
        await slot.start();
      }
      await pause(forMs / 2, stop);
    } finally {
      disk.free();
    }
  }
}

function spoil(slot: ProducerSlot, kind: 'tear' | 'spoil-cursor', draw: number, happenings: Happenings): void {
  const testimony = slot.testimony();
  if (testimony === undefined) return;
  const spool = slot.spoolOf(testimony);
  if (kind === 'tear') {
    const done = tearTail(spool, testimony.promised, draw);
    if (done === undefined) return;
    happenings.torn.add(testimony.producer);
    happenings.note('torn spool', `${slot.name}: ${done}`);
  } else if (spoilCursors(spool, draw) > 0) {
    happenings.note('spoiled cursor', slot.name);
  }
}

/** @param name - what is counted: `server`, `writer`, `agent` */
export function troubleService(part: ProcessPart, steps: Iterable<Step<ServiceStepKind>>, going: Going): Promise<void> {
  const { stop, happenings } = going;
  return carryOut(steps, going, async ({ kind, forMs }) => {
    part.assertRunning();
    if (kind === 'freeze') {
      happenings.note(`freeze ${part.name}`);
      part.freeze();
      await pause(forMs + SHORTEST_FREEZE_MS, stop);
      part.thaw();
      return;
    }
    await part.end(kind === 'kill' ? 'SIGKILL' : 'SIGTERM');
    happenings.note(`${kind === 'kill' ? 'kill' : 'restart'} ${part.name}`);
    await pause(forMs, stop);
    await part.start();
  });
}

export function troubleBroker(broker: OwnService, steps: Iterable<Step<'kill'>>, going: Going): Promise<void> {
  return carryOut(steps, going, async ({ forMs }) => {
    await broker.kill();
    going.happenings.note(`kill ${broker.name}`);
    await pause(forMs, going.stop);
    await broker.start();
  });
}

export function troubleLink(link: Link, steps: Iterable<Step<LinkStepKind>>, going: Going): Promise<void> {
  return carryOut(steps, going, async ({ kind, forMs }) => {
    const before = link.counts.spoiled[kind];
    link.begin(kind);
    going.happenings.note(`link: ${kind}`);
    await pause(forMs, going.stop);
    // A trouble that nobody has met was none.
    await pauseUntil(() => link.counts.spoiled[kind] > before, going.stop);
    link.begin('none');
  });
}
