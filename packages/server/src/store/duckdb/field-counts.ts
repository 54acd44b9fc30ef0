/** How many events have which attribute, and of what type: what `fields()` answers from, without a scan. */
import { type AttributeShape, type AttributeType, eachAttribute } from '../event-row.ts';
import type { FieldInfo } from '../store.ts';

const TYPES: readonly AttributeType[] = ['string', 'number', 'boolean', 'json'];

/** Beyond this many names a day's further ones aren't counted; the events are stored all the same. */
export const MAX_COUNTED_FIELDS = 2_000;
/** Shapes that are counted as a whole before they are counted by name. */
const MAX_OPEN_SHAPES = 256;

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
  readonly #openShapes = new Map<AttributeShape, number>();

  get events(): number {
    return this.#events;
  }

  get truncated(): boolean {
    this.#closeShapes();
    return this.#truncated;
  }

  has(name: string): boolean {
    this.#closeShapes();
    return this.#names.has(name);
  }

  names(): Iterable<string> {
    this.#closeShapes();
    return this.#names.keys();
  }

  /** Counts an event by its shape: events come in few. */
  addShape(shape: AttributeShape): void {
    this.#events += 1;
    this.#openShapes.set(shape, (this.#openShapes.get(shape) ?? 0) + 1);
    if (this.#openShapes.size > MAX_OPEN_SHAPES) this.#closeShapes();
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
    this.#closeShapes();
    return { events: this.#events, truncated: this.#truncated, names: Object.fromEntries(this.#names) };
  }

  toFields(): FieldInfo[] {
    this.#closeShapes();
    return [...this.#names].map(([name, byType]) => {
      const total = byType.reduce((sum, count) => sum + count, 0);
      const commonest = byType.indexOf(Math.max(...byType));
      return { name, type: TYPES[commonest] ?? 'json', presence: this.#events === 0 ? 0 : total / this.#events };
    });
  }

  #closeShapes(): void {
    for (const [shape, count] of this.#openShapes) {
      eachAttribute(shape, (name, type) => this.#add(name, TYPES.indexOf(type), count));
    }
    this.#openShapes.clear();
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

/** A share of the counts, for a batch whose events go to several days; a name is never rounded away. */
export function scaleCounts(counts: FieldCounts, share: number): FieldCounts {
  if (share === 1) return counts;
  const scale = (count: number): number => (count === 0 ? 0 : Math.max(1, Math.round(count * share)));
  const names = Object.entries(counts.names).map(([name, byType]) => [name, byType.map(scale)] as const);
  return { events: scale(counts.events), truncated: counts.truncated, names: Object.fromEntries(names) };
}
