import { describe, expect, it } from 'vitest';
import { collectEvents } from '../testing/index.ts';

describe('a log line', () => {
  it('takes a message, a topic, a context, in the ways that people write them', () => {
    const { tailrace, events } = collectEvents({ service: 'shop' });
    const { log } = tailrace;
    log.info('plain');
    log.info('with context', { n: 1 });
    log.info('with topic', 'jobs');
    log.info('with both', 'jobs', { n: 2 });
    log.child('dsp').child('filter', { unit: 'fir' }).info('nested', 'taps', { n: 3 });
    log.info(42);
    log.info({ only: 'fields' });
    const told = events.map(({ message, topic, n, unit, only }) => ({ message, topic, n, unit, only }));
    expect(JSON.parse(JSON.stringify(told))).toEqual([
      { message: 'plain' },
      { message: 'with context', n: 1 },
      { message: 'with topic', topic: 'jobs' },
      { message: 'with both', topic: 'jobs', n: 2 },
      { message: 'nested', topic: 'dsp.filter.taps', n: 3, unit: 'fir' },
      { message: '42' },
      { only: 'fields' },
    ]);
    expect(events[0]).toMatchObject({
      service: 'shop',
      level: 'info',
      'sampling.rule': 'LOG_LINE',
      'sampling.rate': 1,
    });
  });

  it.each([
    [
      'as the context',
      (log: ReturnType<typeof collectEvents>['tailrace']['log'], error: Error) => log.error('failed', error),
    ],
    [
      'under `error`',
      (log: ReturnType<typeof collectEvents>['tailrace']['log'], error: Error) => log.error('failed', { error }),
    ],
    [
      'under `err`',
      (log: ReturnType<typeof collectEvents>['tailrace']['log'], error: Error) => log.error('failed', { err: error }),
    ],
  ])('tells an error that is given %s', (_where, write) => {
    const { tailrace, expectOne } = collectEvents();
    write(tailrace.log, Object.assign(new TypeError('boom'), { code: 'E_BOOM' }));
    expect(expectOne({ message: 'failed' })).toMatchObject({
      level: 'error',
      'error.type': 'TypeError',
      'error.code': 'E_BOOM',
      'error.message': 'boom',
      'sampling.rule': 'HAS_ERROR',
    });
  });

  it('keeps what it needs its own names for, and loses nothing of what was given under them', () => {
    const { tailrace, expectOne } = collectEvents();
    tailrace.log.info('mine', { message: 'theirs', level: 'fatal', event_id: 'x', timestamp: 'then', schema: 's' });
    expect(expectOne({ message: 'mine' })).toMatchObject({
      level: 'info',
      schema: 'tailrace/event/v1',
      'reserved.message': 'theirs',
      'reserved.level': 'fatal',
      'reserved.event_id': 'x',
      'reserved.timestamp': 'then',
      'reserved.schema': 's',
    });
  });

  it('is left out below the level, which changes at run time and by topic', () => {
    const { tailrace, events } = collectEvents({ level: 'info' });
    const { log } = tailrace;
    const filter = log.child('dsp.filter');
    filter.debug('1');
    log.setLevel('debug', 'dsp');
    filter.debug('2');
    filter.trace('3');
    log.debug('4');
    log.debug('5', 'dsp');
    filter.setLevel('error');
    filter.warn('6');
    log.setLevel('trace');
    log.trace('7');
    filter.warn('8');
    expect(events.map(({ message }) => message)).toEqual(['2', '5', '7']);
    expect(filter.isEnabled('warn')).toBe(false);
  });
});
