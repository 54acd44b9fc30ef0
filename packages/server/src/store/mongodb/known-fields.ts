/** The attributes that events have, from the counts of each day: never from the events. */
import { EVENT_FIELDS } from 'tailrace/event';
import { type Collections, unescapeName } from 'tailrace/sinks/mongodb';
import type { FieldInfo } from '../store.ts';
import type { KnownFields } from '../unknown-fields.ts';

const TYPES = ['string', 'number', 'boolean', 'json'] as const;
/** Others write too; a name that is asked for and isn't known is worth another look sooner. */
const MAX_AGE_MS = 10_000;
const MAX_AGE_FOR_UNKNOWN_MS = 500;

interface Counts {
  readonly atMs: number;
  readonly events: number;
  readonly truncated: boolean;
  /** By name, in the order of {@link TYPES}. */
  readonly names: ReadonlyMap<string, readonly number[]>;
}

export class FieldReader {
  readonly #collections: Collections;
  #counts: Promise<Counts> | undefined;

  constructor(collections: Collections) {
    this.#collections = collections;
  }

  /** What was read is out of date. */
  forget(): void {
    this.#counts = undefined;
  }

  /** What is known, read again where one of the names isn't. */
  async known(names: readonly string[]): Promise<KnownFields> {
    let counts = await this.#read(MAX_AGE_MS);
    if (names.some((name) => !counts.names.has(name))) counts = await this.#read(MAX_AGE_FOR_UNKNOWN_MS);
    const { truncated, names: counted } = counts;
    return { truncated, has: (name) => counted.has(name), names: () => counted.keys() };
  }

  async fields(): Promise<readonly FieldInfo[]> {
    const { events, names } = await this.#read(MAX_AGE_MS);
    const known = Object.entries(EVENT_FIELDS).map(([name, type]) => ({ name, type, presence: 1 }));
    const attributes = [...names].map(([name, byType]): FieldInfo => {
      const total = byType.reduce((sum, count) => sum + count, 0);
      const commonest = byType.indexOf(Math.max(...byType));
      return { name, type: TYPES[commonest] ?? 'json', presence: events === 0 ? 0 : Math.min(1, total / events) };
    });
    attributes.sort((a, b) => b.presence - a.presence || (a.name < b.name ? -1 : 1));
    return [...known, ...attributes];
  }

  async #read(maxAgeMs: number): Promise<Counts> {
    const held = await this.#counts?.catch(() => undefined);
    if (held !== undefined && performance.now() - held.atMs <= maxAgeMs) return held;
    this.#counts = readCounts(this.#collections);
    return this.#counts;
  }
}

async function readCounts({ fields }: Collections): Promise<Counts> {
  const atMs = performance.now();
  let events = 0;
  let truncated = false;
  const names = new Map<string, number[]>();
  for await (const day of fields.find()) {
    events += day.events;
    truncated ||= day.truncated === true;
    for (const [escaped, byType] of Object.entries(day.names ?? {})) {
      const name = unescapeName(escaped);
      const counts = names.get(name) ?? [0, 0, 0, 0];
      TYPES.forEach((type, i) => {
        counts[i] = (counts[i] ?? 0) + (byType[type] ?? 0);
      });
      names.set(name, counts);
    }
  }
  return { atMs, events, truncated, names };
}
