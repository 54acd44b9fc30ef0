import { parseEventId } from 'tailrace/event';
import { comparePositions, formatPosition, parsePosition } from 'tailrace/spool';
import { planTime } from '../../../packages/server/src/query/plan.ts';
import { parseTime } from '../../../packages/server/src/query/time.ts';
import { bytesLike, type FuzzTarget, holds } from '../target.ts';

const NOW = Date.UTC(2026, 10, 21);

/** Places in a spool, ids of events, and times: what is read is written back as it was meant. */
export const names: FuzzTarget = {
  name: 'names',
  inputs: bytesLike(
    [
      '1',
      '0',
      ':',
      '-',
      '999999999999999',
      '0mb1x9k3fqz7a',
      'now',
      'm',
      'h',
      'T',
      'Z',
      '+09:00',
      '.',
      '2026',
      '11',
      '21',
    ],
    ['12:3456', '0mb1x9k3fqz7a-42', 'now-15m', '2026-11-21T09:00:00.123+09:00', '2026-02-30'],
  ),
  check(input) {
    const text = input.toString();
    const position = parsePosition(text);
    if (position !== undefined) {
      const again = parsePosition(formatPosition(position));
      holds(again !== undefined && comparePositions(position, again) === 0, 'a place is written back as it was');
    }
    const id = parseEventId(text);
    if (id !== undefined) {
      holds(`${id.producer}-${id.sequence}` === text, 'an id has one spelling only');
      holds(Number.isSafeInteger(id.sequence) && id.sequence > 0, 'a sequence number is a number from 1');
    }
    const time = parseTime(text, NOW);
    if (time !== undefined) {
      holds(Number.isFinite(time), 'a time is a number');
      const written = new Date(time).toISOString();
      holds(!planTime.safeParse(text).success || parseTime(written, NOW) === time, 'a time is written back as it was');
    }
  },
  growing: [(size) => Buffer.from('1'.repeat(size)), (size) => Buffer.from(`now-${'1'.repeat(size)}m`)],
};
