import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fitsPrint, HEAD_BYTES, RunningPrint, TAIL_BYTES, takePrint } from './file-print.ts';

const content = fc.uint8Array({ minLength: 0, maxLength: 4 * HEAD_BYTES }).map((bytes) => Buffer.from(bytes));

function readIn(bytes: Buffer) {
  return (offset: number, length: number) => bytes.subarray(offset, offset + length);
}

describe('the print that is taken while a file is read', () => {
  it('is the one that the file gives, whatever pieces it came in and wherever reading began', () => {
    fc.assert(
      fc.property(content, fc.nat(), fc.array(fc.integer({ min: 1, max: 1500 })), (bytes, from, lengths) => {
        const begin = from % (bytes.length + 1);
        const running = new RunningPrint(begin, {
          head: bytes.subarray(0, Math.min(begin, HEAD_BYTES)),
          tail: bytes.subarray(Math.max(0, begin - TAIL_BYTES), begin),
        });
        for (const length of [...lengths, bytes.length]) {
          running.push(bytes.subarray(running.at, running.at + length));
          expect(running.upTo(running.at)).toEqual(takePrint(running.at, readIn(bytes)));
        }
      }),
    );
  });

  it('covers a place that was passed: up to there, or up to one before it', () => {
    fc.assert(
      fc.property(content, fc.array(fc.integer({ min: 1, max: 1500 })), fc.nat(), (bytes, lengths, to) => {
        const running = new RunningPrint();
        for (const length of lengths) running.push(bytes.subarray(running.at, running.at + length));
        const place = to % (running.at + 1);
        const print = running.upToAtMost(place);
        expect(print.at).toBeLessThanOrEqual(place);
        expect(print.at).toBeGreaterThanOrEqual(Math.min(place, HEAD_BYTES));
        expect(fitsPrint(print, readIn(bytes))).toBe(true);
      }),
    );
  });
});
