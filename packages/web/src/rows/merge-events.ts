import type { EventRecord } from '../api/types.ts';
import { idOf } from '../event/event-record.ts';

/** Live events over stored ones, newest first, each once. */
export function mergeEvents(live: readonly EventRecord[], stored: readonly EventRecord[]): readonly EventRecord[] {
  if (live.length === 0) return stored;
  const seen = new Set<string>();
  const events = [...live, ...stored].filter((event) => {
    const id = idOf(event);
    if (seen.has(id)) return false;
    seen.add(id);
    return true;
  });
  const stamp = (event: EventRecord) => String(event.timestamp ?? '');
  return events.sort((a, b) => (stamp(a) < stamp(b) ? 1 : stamp(a) > stamp(b) ? -1 : 0));
}
