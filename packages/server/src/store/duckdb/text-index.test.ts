import fc from 'fast-check';
import { foldCase, searchText } from 'tailrace/search-text';
import { expect, it } from 'vitest';
import { TEXT_FIELDS } from '../../query/search-node.ts';
import { rowOf } from '../event-row.ts';
import { SEARCHED_FIELDS, TextIndex } from './text-index.ts';
import { searchedValues, TextNotes } from './text-notes.ts';

type Event = Readonly<Record<string, unknown>>;

function indexOf(events: readonly Event[]): TextIndex {
  const notes = new TextNotes();
  for (const event of events) notes.add(rowOf(event));
  return notes.toIndex();
}

/** Texts in which letters, ids, other alphabets and what JSON escapes stand side by side. */
const text = fc.oneof(
  fc.string({ maxLength: 30 }),
  fc.string({ unit: 'grapheme', maxLength: 20 }),
  fc.string({ unit: fc.constantFrom(...'aAbBkKiI19_-. "\\\n\u212a\u0130Σς'), maxLength: 40 }),
  fc.uuid(),
);
const attribute: fc.Arbitrary<unknown> = fc.oneof(
  text,
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.bigInt({ min: 0n, max: 10n ** 24n }).map(Number),
  fc.boolean(),
  fc.array(text, { maxLength: 3 }),
  fc.dictionary(text, text, { maxKeys: 2 }),
);
const event: fc.Arbitrary<Event> = fc
  .tuple(
    fc.dictionary(fc.constantFrom(...TEXT_FIELDS), text, { maxKeys: 8 }),
    fc.dictionary(fc.stringMatching(/^[a-z.]{1,8}x$/), attribute, { maxKeys: 4 }),
  )
  .map(([known, attributes]) => ({ ...attributes, ...known }));
const place = fc.tuple(fc.nat(), fc.nat(), fc.nat());

/** A piece of the text of one of the fields, with its case folded, as a search has it. */
function pieceOf(one: Event, [which, from, length]: readonly [number, number, number]): [string, string] {
  const names = Object.keys(one);
  const name = names[which % names.length] ?? '';
  const value = foldCase(searchText(one[name]));
  const start = from % Math.max(1, value.length);
  return [name, value.slice(start, start + 1 + (length % 12))];
}

it('never says no to a text that is there', () => {
  fc.assert(
    fc.property(fc.array(event, { minLength: 1, maxLength: 5 }), fc.nat(), place, (events, which, at) => {
      const one = events[which % events.length] ?? {};
      fc.pre(Object.keys(one).length > 0);
      const [name, piece] = pieceOf(one, at);
      const field = SEARCHED_FIELDS.find((known) => known === name) ?? 'attributes';
      expect(indexOf(events).mayHold(field, piece)).toBe(true);
    }),
    { numRuns: 1_000 },
  );
});

it('is the union of its parts, and comes back from its bytes', () => {
  fc.assert(
    fc.property(fc.array(event, { maxLength: 4 }), fc.array(event, { maxLength: 4 }), (some, others) => {
      const union = TextIndex.union([indexOf(some), indexOf(others)]);
      expect(Buffer.compare(union.bytes, indexOf([...some, ...others]).bytes)).toBe(0);
      expect(TextIndex.fromBytes(union.bytes)?.bytes).toBe(union.bytes);
    }),
    { numRuns: 20 },
  );
  expect(TextIndex.fromBytes(new Uint8Array(10))).toBeUndefined();
});

it('tells the fields that can hold a word from those that cannot', () => {
  const index = indexOf(
    Array.from({ length: 2_000 }, (_, i) => ({
      trace_id: (i * 2654435761).toString(16).padStart(32, '0'),
      'error.message': 'the provider gave up',
      note: 'the gateway answered late',
    })),
  );
  const fieldsOf = (word: string): readonly string[] => SEARCHED_FIELDS.filter((field) => index.mayHold(field, word));
  expect(fieldsOf('gave')).toEqual(['error.message']);
  expect(fieldsOf('gateway')).toEqual(['attributes']);
  expect(fieldsOf('giraffe')).toEqual([]);
});

it('takes a field whose values are not text for one that may hold anything', () => {
  const index = indexOf([{ message: 1e21 }]);
  expect(index.mayHold('message', 'anything')).toBe(true);
  expect(index.mayHold('topic', 'anything')).toBe(false);
});

it('looks at the fields in which free text is looked for, in their order', () => {
  expect(searchedValues(Object.fromEntries(TEXT_FIELDS.map((name) => [name, name])))).toEqual(TEXT_FIELDS);
});
