import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createSseReader, type SseMessage } from './sse.ts';

function read(pieces: readonly string[]): SseMessage[] {
  const messages: SseMessage[] = [];
  const push = createSseReader((message) => messages.push(message));
  for (const piece of pieces) push(piece);
  return messages;
}

const STREAM =
  ': hello\n\nevent: event\ndata: {"a":1}\n\ndata: one\r\ndata: two\r\n\r\nevent: dropped\rdata:{"dropped":3}\r\rid: 7\n\ndata: cut off';
const MESSAGES = [
  { event: 'event', data: '{"a":1}' },
  { event: 'message', data: 'one\ntwo' },
  { event: 'dropped', data: '{"dropped":3}' },
];

test('reads messages, comments and every kind of line end', () => {
  expect(read([STREAM])).toEqual(MESSAGES);
});

test('it does not matter where the network cuts', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: STREAM.length }), { maxLength: 12 }), (cuts) => {
      const places = [0, ...cuts.sort((a, b) => a - b), STREAM.length];
      const pieces = places.slice(1).map((end, i) => STREAM.slice(places[i], end));
      expect(read(pieces)).toEqual(MESSAGES);
    }),
  );
});
