import { fromBson } from 'tailrace/sinks/mongodb';

/** A group's keys as one text: the same for the same group, whichever pipeline it comes from. */
export function groupName(id: Readonly<Record<string, unknown>>, keys: readonly string[]): string {
  return JSON.stringify(keys.map((key) => fromBson(id[key]) ?? null));
}
