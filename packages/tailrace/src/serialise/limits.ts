import type { EventLimits } from '../options.ts';

export const DEFAULT_LIMITS: EventLimits = {
  depth: 8,
  keys: 512,
  items: 256,
  stringLength: 16_384,
  eventBytes: 262_144,
};

/** What each limit must be at least. */
export const SMALLEST_LIMITS: EventLimits = { depth: 1, keys: 1, items: 1, stringLength: 256, eventBytes: 32_768 };

/** @throws RangeError naming the limit, its value and what is accepted. */
export function resolveLimits(given: Partial<EventLimits> | undefined): EventLimits {
  const limits: EventLimits = {
    depth: given?.depth ?? DEFAULT_LIMITS.depth,
    keys: given?.keys ?? DEFAULT_LIMITS.keys,
    items: given?.items ?? DEFAULT_LIMITS.items,
    stringLength: given?.stringLength ?? DEFAULT_LIMITS.stringLength,
    eventBytes: given?.eventBytes ?? DEFAULT_LIMITS.eventBytes,
  };
  for (const name of ['depth', 'keys', 'items', 'stringLength', 'eventBytes'] as const) {
    const value = limits[name];
    if (!Number.isSafeInteger(value) || value < SMALLEST_LIMITS[name]) {
      throw new RangeError(
        `limits.${name} is ${String(value)}; it must be a whole number from ${SMALLEST_LIMITS[name]} up`,
      );
    }
  }
  return limits;
}

/** Keys longer than this are cut. */
export const MAX_KEY_CHARS = 256;
/** Values looked at in one event, whatever its shape: arrays of arrays would multiply the limits above. */
export const MAX_NODES = 8192;
/** Characters of strings searched in one event, as a multiple of its bytes. */
export const READ_CHARS_PER_BYTE = 1;
/** After them only strings this short are written, up to so many characters together; of the others only the length. */
export const SHORT_CHARS = 64;
export const MAX_OVERDRAFT_CHARS = 32_768;
