/**
 * The events that every server gets, in a file, with the right answers to all questions: worked out here while the
 * events are made, by plain loops over them. So a peer is compared with the truth, not with another peer.
 *
 * Four producers take turns, a batch each. Times are spread evenly over some hours that end now, in the order of the batches, no two in
 * the same millisecond as long as there are fewer events than milliseconds.
 */
import { once } from 'node:events';
import { createReadStream, createWriteStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { finished } from 'node:stream/promises';
import { EventMaker } from '../../load/made-events.ts';
import type { Answers } from '../peers/peer.ts';
import { quantile } from '../statistics.ts';

export const BATCH = 1000;
const PRODUCERS = 4;
const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;
const NEWEST = 100;
const SLOWEST = 10;

/** What the questions are about. */
export interface Asked {
  readonly id: string;
  readonly service: string;
  readonly hourFromMs: number;
  readonly hourToMs: number;
  readonly word: string;
}

export interface Dataset {
  readonly file: string;
  readonly events: number;
  readonly bytes: number;
  /** Whole minutes; all events are in between. */
  readonly fromMs: number;
  readonly toMs: number;
  readonly asked: Asked;
  readonly answers: Answers;
}

export interface DatasetOptions {
  readonly folder: string;
  readonly events: number;
  readonly hours: number;
  readonly nowMs: number;
  readonly bytes?: number;
}

interface Made {
  readonly event_id: string;
  readonly trace_id: string;
  readonly timestamp: string;
  readonly level: string;
  readonly service: string;
  readonly route: string;
  readonly duration_ms: number;
  readonly 'user.id': string;
  readonly 'error.message'?: string;
}

export async function makeDataset({ folder, events, hours, nowMs, bytes = 1000 }: DatasetOptions): Promise<Dataset> {
  const toMs = Math.floor(nowMs / MINUTE_MS) * MINUTE_MS;
  const fromMs = toMs - hours * HOUR_MS;
  const timeOf = (place: number): number => fromMs + Math.floor((hours * HOUR_MS * place) / events);
  const makers = Array.from({ length: PRODUCERS }, (_, producer) => {
    const placeOf = (sequence: number): number =>
      (Math.floor((sequence - 1) / BATCH) * PRODUCERS + producer) * BATCH + ((sequence - 1) % BATCH);
    return new EventMaker(bytes, producer + 1, (sequence) => timeOf(placeOf(sequence)));
  });
  const hourFromMs = fromMs + Math.floor(hours / 2) * HOUR_MS;
  const asked = { service: 'payments', hourFromMs, hourToMs: hourFromMs + HOUR_MS, word: 'gave' };
  const truth = new Truth(asked, fromMs, toMs, Math.floor(events / 3));
  const file = join(folder, 'events.ndjson');
  const out = createWriteStream(file);
  for (let written = 0, batch = 0; written < events; batch += 1) {
    const maker = makers[batch % PRODUCERS];
    if (maker === undefined) throw new Error('no producer');
    const size = Math.min(BATCH, events - written);
    let text = '';
    for (let i = 0; i < size; i += 1) {
      const line = maker.next();
      truth.see(readMade(line));
      text += `${line}\n`;
    }
    written += size;
    if (!out.write(text)) await once(out, 'drain');
  }
  out.end();
  await finished(out);
  const { size } = await stat(file);
  return { file, events, bytes: size, fromMs, toMs, ...truth.tell() };
}

/** The lines of a dataset, a batch at a time. */
export async function* readBatches(file: string): AsyncGenerator<readonly string[]> {
  let lines: string[] = [];
  for await (const line of createInterface({ input: createReadStream(file, { highWaterMark: 1 << 20 }) })) {
    lines.push(line);
    if (lines.length < BATCH) continue;
    yield lines;
    lines = [];
  }
  if (lines.length > 0) yield lines;
}

function readMade(line: string): Made {
  // Our own maker has written it a moment ago.
  const made: Made = JSON.parse(line);
  return made;
}

/** Sees each event once, in the order of their times. */
class Truth {
  readonly #asked: Omit<Asked, 'id'>;
  readonly #fromMs: number;
  readonly #place: number;
  readonly #minutes: number[];
  readonly #durations = new Map<string, number[]>();
  readonly #users = new Set<string>();
  #errors: string[] = [];
  #slowest: number[] = [];
  #words = 0;
  #seen = 0;
  #found = { id: '', trace: '' };

  constructor(asked: Omit<Asked, 'id'>, fromMs: number, toMs: number, place: number) {
    this.#asked = asked;
    this.#fromMs = fromMs;
    this.#place = place;
    this.#minutes = Array.from({ length: (toMs - fromMs) / MINUTE_MS }, () => 0);
  }

  see(made: Made): void {
    const { service, hourFromMs, hourToMs, word } = this.#asked;
    const ms = Date.parse(made.timestamp);
    const minute = Math.floor((ms - this.#fromMs) / MINUTE_MS);
    this.#minutes[minute] = (this.#minutes[minute] ?? 0) + 1;
    const durations = this.#durations.get(made.route) ?? [];
    durations.push(made.duration_ms);
    this.#durations.set(made.route, durations);
    this.#users.add(made['user.id']);
    if (made['error.message']?.includes(word) === true) this.#words += 1;
    if (made.service === service && made.level === 'error' && ms >= hourFromMs && ms < hourToMs)
      this.#errors.push(made.event_id);
    if (made.duration_ms >= (this.#slowest[SLOWEST - 1] ?? 0)) {
      this.#slowest = [...this.#slowest, made.duration_ms].sort((a, b) => b - a).slice(0, SLOWEST);
    }
    if (this.#seen === this.#place) this.#found = { id: made.event_id, trace: made.trace_id };
    this.#seen += 1;
  }

  tell(): { readonly asked: Asked; readonly answers: Answers } {
    const routes = [...this.#durations.keys()].sort();
    return {
      asked: { ...this.#asked, id: this.#found.id },
      answers: {
        'find by id': this.#found.trace,
        'errors of one service in one hour': this.#errors.reverse().slice(0, NEWEST),
        'count by minute': this.#minutes,
        'p99 by route': routes.map((route) => quantile(this.#durations.get(route) ?? [], 0.99)),
        'full-text word': this.#words,
        'top 10 slowest': this.#slowest,
        'distinct users': this.#users.size,
      },
    };
  }
}
