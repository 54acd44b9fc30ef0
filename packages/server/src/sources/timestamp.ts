/** Any usual way to write a time → RFC 3339, UTC, milliseconds. */

const CANONICAL = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/;
const RFC_3339 = /^\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}(?::\d{2}(?:[.,]\d{1,9})?)?\s?(?:[Zz]|[+-]\d{2}:?\d{2})?$/;
const DIGITS = /^\d{9,19}(?:\.\d{1,9})?$/;

/** Epoch milliseconds, `undefined` where the value is no time. A time without a zone is UTC. */
export function parseTimestamp(value: unknown): number | undefined {
  if (typeof value === 'number') return fromEpoch(value);
  if (typeof value !== 'string') return undefined;
  if (CANONICAL.test(value)) return valid(Date.parse(value));
  const text = value.trim();
  if (DIGITS.test(text)) return fromEpoch(Number(text));
  if (!RFC_3339.test(text)) return undefined;
  const iso = text.toUpperCase().replace(' ', 'T').replace(',', '.').replace(/\s/, '');
  const zoned = /(?:Z|[+-]\d{2}:?\d{2})$/.test(iso) ? iso.replace(/([+-]\d{2})(\d{2})$/, '$1:$2') : `${iso}Z`;
  return valid(Date.parse(zoned.replace(/(\.\d{3})\d+/, '$1')));
}

/** Seconds, milliseconds, microseconds or nanoseconds since 1970, told apart by their size. */
function fromEpoch(value: number): number | undefined {
  if (!Number.isFinite(value) || value < 0) return undefined;
  if (value < 1e11) return valid(Math.round(value * 1e3));
  if (value < 1e14) return valid(Math.round(value));
  if (value < 1e17) return valid(Math.round(value / 1e3));
  return valid(Math.round(value / 1e6));
}

function valid(ms: number): number | undefined {
  return Number.isNaN(ms) || ms < -62_167_219_200_000 || ms > 253_402_300_799_999 ? undefined : ms;
}
