/**
 * A fuzz target: one reader of bytes that come from outside, with a law that must hold for any bytes whatever.
 *
 * The laws: it doesn't crash (an error that it is documented to throw is an answer); what it takes, it takes rightly, by an
 * oracle or a way there and back; and a longer text costs more in proportion, not by its square.
 */
import fc from 'fast-check';

export interface FuzzTarget {
  readonly name: string;
  /** Bytes of the kind that it reads, and nearly so. */
  readonly inputs: fc.Arbitrary<Buffer>;
  /** @throws where the law doesn't hold */
  check(input: Buffer): void | Promise<void>;
  /** Texts of some size that have been hard for readers of this kind. */
  readonly growing?: readonly ((size: number) => Buffer)[];
}

/** Any bytes, texts put together from words of the language, and good texts with a few changes. */
export function bytesLike(words: readonly string[], examples: readonly string[]): fc.Arbitrary<Buffer> {
  const ofWords = fc
    .array(
      fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...words) }, fc.string({ unit: 'grapheme', maxLength: 6 })),
      {
        maxLength: 60,
      },
    )
    .map((parts) => Buffer.from(parts.join('')));
  const anything = fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes));
  return fc.oneof(
    { weight: 1, arbitrary: anything },
    { weight: 3, arbitrary: ofWords },
    { weight: 3, arbitrary: changed(examples) },
  );
}

const INTERESTING = [
  '\u0000',
  '\n',
  '"',
  '\\',
  '{',
  '}',
  '[',
  ']',
  ':',
  ',',
  '-',
  '9',
  '\u00ff',
  '\ud83d',
  '__proto__',
];

function changed(examples: readonly string[]): fc.Arbitrary<Buffer> {
  const change = fc.record({
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    length: fc.nat({ max: 12 }),
    kind: fc.constantFrom('delete', 'repeat', 'insert', 'flip'),
    text: fc.constantFrom(...INTERESTING),
  });
  return fc
    .tuple(fc.constantFrom(...examples), fc.array(change, { minLength: 1, maxLength: 6 }))
    .map(([example, changes]) => {
      let bytes = Buffer.from(example);
      for (const { at, length, kind, text } of changes) {
        const from = Math.floor(at * bytes.length);
        const head = bytes.subarray(0, from);
        const tail = bytes.subarray(from);
        if (kind === 'delete') bytes = Buffer.concat([head, tail.subarray(length)]);
        else if (kind === 'repeat') bytes = Buffer.concat([head, tail.subarray(0, length), tail]);
        else if (kind === 'insert') bytes = Buffer.concat([head, Buffer.from(text), tail]);
        else if (tail.length > 0) bytes = Buffer.concat([head, Buffer.from([(tail[0] ?? 0) ^ 0x20]), tail.subarray(1)]);
      }
      return bytes;
    });
}

/** @throws Error naming what was expected */
export function holds(condition: boolean, what: string): void {
  if (!condition) throw new Error(what);
}
