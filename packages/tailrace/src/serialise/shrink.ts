import { fieldTypeOf, PROTECTED_FIELDS } from './field-types.ts';
import { toText } from './safe-read.ts';

const HEAD_CHARS = 256;
const FIXED_HEAD_CHARS = 64;
const PROTECTED_CHARS = 256;
/** Room for the keys that tell what was cut. */
const RESERVED_BYTES = 4096;

/**
 * Makes an event fit its bytes, largest values first. Attributes are cut to their beginning, then left out; fixed keys
 * are only ever cut, so the event itself always remains.
 *
 * @returns the keys that were cut and how many were left out.
 */
export function shrinkEvent(
  event: Record<string, unknown>,
  bytes: number,
  maxBytes: number,
): { readonly cut: readonly string[]; readonly dropped: number } {
  const target = maxBytes - RESERVED_BYTES;
  const cut: string[] = [];
  let left = bytes;
  let dropped = 0;
  for (const [key, size] of bySize(event)) {
    if (left <= target) break;
    const before = event[key];
    event[key] = cutValue(before, size, headCharsOf(key));
    const after = bytesOf(event[key]);
    if (after >= size) {
      event[key] = before;
    } else {
      cut.push(key);
      left -= size - after;
    }
  }
  for (const [key, size] of bySize(event)) {
    if (left <= target) break;
    if (fieldTypeOf(key) !== undefined) continue;
    delete event[key];
    left -= size + Buffer.byteLength(JSON.stringify(key)) + 2;
    dropped += 1;
  }
  return { cut, dropped };
}

function bySize(event: Readonly<Record<string, unknown>>): [key: string, bytes: number][] {
  return Object.entries(event)
    .map(([key, value]): [string, number] => [key, value === undefined ? 0 : bytesOf(value)])
    .sort(([, a], [, b]) => b - a);
}

function bytesOf(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value) ?? '');
}

function headCharsOf(key: string): number {
  if (PROTECTED_FIELDS.has(key)) return PROTECTED_CHARS;
  return fieldTypeOf(key) === undefined ? HEAD_CHARS : FIXED_HEAD_CHARS;
}

function cutValue(value: unknown, bytes: number, headChars: number): unknown {
  if (Array.isArray(value)) return `[Cut: ${value.length} items of ${bytes} bytes]`;
  const text = toText(value);
  return text.length <= headChars ? value : `${text.slice(0, headChars)}…[cut: ${text.length} characters]`;
}
