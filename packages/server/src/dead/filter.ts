/** Which dead letters somebody means: by id, by cause, by where they come from, by time, by text. */
import type { DeadLetter } from 'tailrace/dead-letters';
import { foldCase } from 'tailrace/search-text';
import { z } from 'zod';
import { planTime } from '../query/plan.ts';
import { parseTime } from '../query/time.ts';

const word = z.string().min(1).max(512);

/** What a filter may say; of all that it says, a letter must have everything. */
export const filterShape = {
  cause: word.optional().describe('The cause, as the list names it.'),
  reason: word.optional().describe('A part of the reason.'),
  sink: word.optional().describe('What refused it.'),
  source: word.optional().describe('Where it came from.'),
  route: word.optional().describe("The application's route."),
  service: word.optional().describe("The event's service."),
  from: planTime.optional().describe('It died then or later.'),
  to: planTime.optional().describe('It died before.'),
  text: word.optional().describe('A part of the event, or of the reason; small letters and capitals are the same.'),
};

export const letterFilter = z.strictObject(filterShape);
export type LetterFilter = z.output<typeof letterFilter>;

export type Matches = (letter: DeadLetter) => boolean;

export function createFilter(filter: LetterFilter, nowMs: number): Matches {
  const { cause, reason, sink, source, route, service } = filter;
  const from = isoOf(filter.from, nowMs);
  const to = isoOf(filter.to, nowMs);
  const text = filter.text === undefined ? undefined : foldCase(filter.text);
  return (letter) =>
    (cause === undefined || causeOf(letter.reason) === cause) &&
    (reason === undefined || letter.reason.includes(reason)) &&
    (sink === undefined || letter.sink === sink) &&
    (source === undefined || letter.source === source) &&
    (route === undefined || letter.route === route) &&
    (service === undefined || letter.service === service) &&
    (from === undefined || letter.at >= from) &&
    (to === undefined || letter.at < to) &&
    (text === undefined || foldCase(`${letter.reason}\n${letter.line.toString()}`).includes(text));
}

const WHAT_MUST_BE = ', and must be ';

/** The reason without what is particular to one event, so that alike failures are one: quoted values, numbers. */
export function causeOf(reason: string): string {
  // What must be is the same for all; only what is differs.
  const at = reason.indexOf(WHAT_MUST_BE);
  const found = at === -1 ? reason : reason.slice(0, at);
  const wanted = reason.slice(found.length);
  const masked = found.replaceAll(/"(?:[^"\\]|\\.)*"/g, '"…"').replaceAll(/\d+(?:[.,]\d+)*/g, '#');
  return `${masked}${wanted}`.slice(0, 200);
}

function isoOf(time: string | undefined, nowMs: number): string | undefined {
  const ms = time === undefined ? undefined : parseTime(time, nowMs);
  return ms === undefined ? undefined : new Date(ms).toISOString();
}
