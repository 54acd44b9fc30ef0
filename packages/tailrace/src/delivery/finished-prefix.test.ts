import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FinishedPrefix } from './finished-prefix.ts';

test('the end is always where the first unfinished batch begins, whatever the order in which batches finish', () => {
  const step = fc.oneof(fc.constant('start' as const), fc.nat(50));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
      const prefix = new FinishedPrefix({ segment: 1, offset: 0 });
      const tickets: ReturnType<FinishedPrefix['start']>[] = [];
      const finished = new Set<number>();
      for (const next of steps) {
        if (next === 'start') {
          tickets.push(prefix.start({ segment: 1, offset: (tickets.length + 1) * 10 }, 10));
        } else {
          const ticket = tickets[next];
          if (ticket === undefined || finished.has(next)) continue;
          const before = prefix.end.offset;
          finished.add(next);
          expect(prefix.finish(ticket)).toBe(prefix.end.offset > before);
        }
        let firstOpen = 0;
        while (finished.has(firstOpen)) firstOpen += 1;
        expect(prefix.end.offset).toBe(firstOpen * 10);
        expect(prefix.finishedBytes).toBe(firstOpen * 10);
        expect(prefix.pending).toBe(tickets.length - firstOpen);
        const open = tickets[firstOpen];
        if (open !== undefined) expect(prefix.isFirst(open)).toBe(true);
      }
    }),
  );
});
