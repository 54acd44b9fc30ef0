/**
 * MurmurHash3, x86, 128 bit, of the UTF-8 bytes of a text: the first 64 bits, as 16 hex digits.
 *
 * Written after Austin Appleby's reference (`MurmurHash3_x86_128`, public domain), seed 0. It is chosen because it mixes
 * well, needs no arithmetic wider than 32 bits, and stands ready in every other language, so that a service that isn't
 * written in JavaScript can decide alike.
 */
export function murmurHash64(text: string): string {
  const bytes = Buffer.from(text, 'utf8');
  const blocks = bytes.length >>> 4;
  let h1 = 0;
  let h2 = 0;
  let h3 = 0;
  let h4 = 0;

  for (let block = 0; block < blocks; block += 1) {
    const at = block * 16;
    h1 ^= scramble(bytes.readInt32LE(at), C1, 15, C2);
    h1 = (Math.imul((rotate(h1, 19) + h2) | 0, 5) + 0x561ccd1b) | 0;
    h2 ^= scramble(bytes.readInt32LE(at + 4), C2, 16, C3);
    h2 = (Math.imul((rotate(h2, 17) + h3) | 0, 5) + 0x0bcaa747) | 0;
    h3 ^= scramble(bytes.readInt32LE(at + 8), C3, 17, C4);
    h3 = (Math.imul((rotate(h3, 15) + h4) | 0, 5) + 0x96cd1c35) | 0;
    h4 ^= scramble(bytes.readInt32LE(at + 12), C4, 18, C1);
    h4 = (Math.imul((rotate(h4, 13) + h1) | 0, 5) + 0x32ac3b17) | 0;
  }

  const tail = blocks * 16;
  const rest = bytes.length - tail;
  if (rest > 12) h4 ^= scramble(word(bytes, tail + 12), C4, 18, C1);
  if (rest > 8) h3 ^= scramble(word(bytes, tail + 8), C3, 17, C4);
  if (rest > 4) h2 ^= scramble(word(bytes, tail + 4), C2, 16, C3);
  if (rest > 0) h1 ^= scramble(word(bytes, tail), C1, 15, C2);

  h1 ^= bytes.length;
  h2 ^= bytes.length;
  h3 ^= bytes.length;
  h4 ^= bytes.length;
  h1 = (h1 + h2 + h3 + h4) | 0;
  h2 = (h2 + h1) | 0;
  h3 = (h3 + h1) | 0;
  h4 = (h4 + h1) | 0;
  h1 = finish(h1);
  h2 = finish(h2);
  h3 = finish(h3);
  h4 = finish(h4);
  h1 = (h1 + h2 + h3 + h4) | 0;
  h2 = (h2 + h1) | 0;
  digest.writeInt32BE(h1, 0);
  digest.writeInt32BE(h2, 4);
  return digest.toString('hex');
}

/** Both words as bytes: cheaper to write as hex digits than numbers are. */
const digest = Buffer.alloc(8);

const C1 = 0x239b961b;
const C2 = 0xab0e9789 | 0;
const C3 = 0x38b34ae5;
const C4 = 0xa1e38b93 | 0;

function rotate(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}

function scramble(value: number, first: number, bits: number, second: number): number {
  return Math.imul(rotate(Math.imul(value, first), bits), second);
}

/** Up to four bytes from `at`, little-endian; bytes beyond the end count as 0. */
function word(bytes: Buffer, at: number): number {
  return (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16) | ((bytes[at + 3] ?? 0) << 24);
}

function finish(value: number): number {
  let h = value;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}
