/**
 * P7: the same questions to each loaded server, round by round in turns, each over a connection that is open. An answer is
 * compared with the right one before it is timed; where a server documents that it estimates, within what it promises.
 */
import { type Answers, QUESTIONS, type QuestionName, type RunningPeer } from '../peers/peer.ts';
import type { Dataset } from './server-events.ts';

/** Percentiles (samples, digests) and distinct counts (HyperLogLog) are estimates in most servers. */
const TOLERANCE: Readonly<Partial<Record<QuestionName, number>>> = { 'p99 by route': 0.05, 'distinct users': 0.05 };

export interface Asking {
  /** Milliseconds by round, for each server and question that it can be asked. */
  readonly timesMs: ReadonlyMap<string, ReadonlyMap<QuestionName, readonly number[]>>;
  /** What can't be asked of whom, and whose answers were wrong. */
  readonly notes: readonly string[];
}

export async function askAll(peers: readonly RunningPeer[], dataset: Dataset, rounds: number): Promise<Asking> {
  const notes: string[] = [];
  const timesMs = new Map<string, Map<QuestionName, number[]>>(peers.map(({ name }) => [name, new Map()]));
  const asked: { readonly peer: RunningPeer; readonly question: QuestionName; readonly ask: () => Promise<unknown> }[] =
    [];
  for (const question of QUESTIONS) {
    for (const peer of peers) {
      const ask = peer.questions[question];
      if (typeof ask !== 'function') {
        notes.push(`${peer.name} can't answer "${question}": ${ask.why}.`);
        continue;
      }
      const fault = faultOf(question, dataset.answers[question], await ask(dataset));
      if (fault === undefined) asked.push({ peer, question, ask: () => ask(dataset) });
      else notes.push(`${peer.name} answers "${question}" wrongly, and isn't compared there: ${fault}.`);
    }
  }
  for (let round = 0; round < rounds; round += 1) {
    for (let i = 0; i < asked.length; i += 1) {
      const one = asked[(i + round) % asked.length];
      if (one === undefined) continue;
      const startedMs = performance.now();
      await one.ask();
      const tookMs = performance.now() - startedMs;
      const times = timesMs.get(one.peer.name);
      times?.set(one.question, [...(times.get(one.question) ?? []), tookMs]);
    }
  }
  return { timesMs, notes };
}

/** What is wrong with an answer; `undefined` where nothing is. */
export function faultOf<K extends QuestionName>(question: K, right: Answers[K], answer: unknown): string | undefined {
  const [wanted, got] = [listOf(right), listOf(answer)];
  if (got.length !== wanted.length) return `${got.length} values instead of ${wanted.length}`;
  const tolerance = TOLERANCE[question] ?? 0;
  const at = wanted.findIndex((value, i) => !isAlike(value, got[i], tolerance));
  return at < 0 ? undefined : `${String(got[at])} instead of ${String(wanted[at])}`;
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [value];
}

function isAlike(wanted: unknown, got: unknown, tolerance: number): boolean {
  if (typeof wanted !== 'number' || typeof got !== 'number') return wanted === got;
  return Math.abs(wanted - got) <= tolerance * Math.abs(wanted);
}
