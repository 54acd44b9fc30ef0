/** How many events have which attribute, and of what type: what `fields()` answers from, without a scan. */
import type { FieldInfo } from '../store.ts';
import { isKnownField } from './columns.ts';

export type AttributeType = 'string' | 'number' | 'boolean' | 'json';

const TYPES: readonly AttributeType[] = ['string', 'number', 'boolean', 'json'];

/** Beyond this many names a day's further ones aren't counted; the events are stored all the same. */
export const MAX_COUNTED_FIELDS = 2_000;

/** As it stands in a manifest: for each name its events by type, in the order string, number, boolean, json. */
export interface FieldCounts {
  readonly events: number;
  /** True where there were more names than are counted. */
  readonly truncated: boolean;
  readonly names: Readonly<Record<string, readonly number[]>>;
}

export class FieldCounter {
  #events = 0;
  #truncated = false;
  readonly #names = new Map<string, number[]>();

  get events(): number {
    return this.#events;
  }

  get truncated(): boolean {
    return this.#truncated;
  }

  has(name: string): boolean {
    return this.#names.has(name);
  }

  names(): Iterable<string> {
    return this.#names.keys();
  }

  addEvent(event: Readonly<Record<string, unknown>>): void {
    this.#events += 1;
    for (const name in event) {
      if (!isKnownField(name)) this.#add(name, typeIndex(event[name]), 1);
    }
  }

  addCounts(counts: FieldCounts): void {
    this.#events += counts.events;
    this.#truncated ||= counts.truncated;
    for (const [name, byType] of Object.entries(counts.names)) {
      byType.forEach((count, type) => {
        if (count > 0) this.#add(name, type, count);
      });
    }
  }

  toCounts(): FieldCounts {
    return { events: this.#events, truncated: this.#truncated, names: Object.fromEntries(this.#names) };
  }

  toFields(): FieldInfo[] {
    return [...this.#names].map(([name, byType]) => {
      const total = byType.reduce((sum, count) => sum + count, 0);
      const commonest = byType.indexOf(Math.max(...byType));
      return { name, type: TYPES[commonest] ?? 'json', presence: this.#events === 0 ? 0 : total / this.#events };
    });
  }

  #add(name: string, type: number, count: number): void {
    let byType = this.#names.get(name);
    if (byType === undefined) {
      if (this.#names.size >= MAX_COUNTED_FIELDS) {
        this.#truncated = true;
        return;
      }
      byType = [0, 0, 0, 0];
      this.#names.set(name, byType);
    }
    byType[type] = (byType[type] ?? 0) + count;
  }
}

function typeIndex(value: unknown): number {
  const type = typeof value;
  return type === 'string' ? 0 : type === 'number' ? 1 : type === 'boolean' ? 2 : 3;
}

/** A share of the counts, for a batch whose events go to several days; a name is never rounded away. */
export function scaleCounts(counts: FieldCounts, share: number): FieldCounts {
  if (share === 1) return counts;
  const scale = (count: number): number => (count === 0 ? 0 : Math.max(1, Math.round(count * share)));
  const names = Object.entries(counts.names).map(([name, byType]) => [name, byType.map(scale)] as const);
  return { events: scale(counts.events), truncated: counts.truncated, names: Object.fromEntries(names) };
}
