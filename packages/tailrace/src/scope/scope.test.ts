import { EventEmitter, once } from 'node:events';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { createTailrace, functionSink } from '../index.ts';
import { collectEvents } from '../testing/index.ts';

class CodedError extends Error {
  readonly code: string;
  constructor(code: string, options?: ErrorOptions) {
    super(`failed with ${code}`, options);
    this.code = code;
  }
}

describe('a scope', () => {
  it('gives the result of its function, and one event when that has ended', async () => {
    const { tailrace, events, expectOne } = collectEvents({ service: 'shop', version: '1.2.3', environment: 'test' });
    expect(tailrace.run({ route: '/sync' }, () => 7)).toBe(7);
    expect(
      await tailrace.run({ route: '/async', method: 'GET', status: 200 }, async () => {
        await delay(5);
        tailrace.set({ 'cart.items': 3, nested: { deep: { x: 1 } } });
        return 'done';
      }),
    ).toBe('done');
    expect(events).toHaveLength(2);
    const event = expectOne({ route: '/async' });
    expect(event).toMatchObject({
      schema: 'tailrace/event/v1',
      level: 'info',
      service: 'shop',
      version: '1.2.3',
      environment: 'test',
      method: 'GET',
      status: 200,
      'cart.items': 3,
      'nested.deep.x': 1,
      'sampling.rule': 'SAMPLED_NORMAL',
      'sampling.rate': 1,
    });
    expect(event.trace_id).toMatch(/^[0-9a-f]{32}$/);
    expect(event.event_id).toBe(`${tailrace.producer}-2`);
    expect(event.duration_ms).toBeGreaterThanOrEqual(4);
  });

  it('has one span id, wherever it is first asked for', () => {
    const { tailrace, expectOne } = collectEvents({
      sampling: {
        normalRate: 0,
        rules: [{ name: 'SEEN', rate: 1, when: (event) => typeof event.span_id === 'string' }],
      },
    });
    const asked = tailrace.run({ route: '/asked' }, () => tailrace.outgoingHeaders().traceparent?.split('-')[2]);
    expect(expectOne({ route: '/asked' }).span_id).toBe(asked);
    tailrace.run({ route: '/line' }, () => tailrace.log.error('no'));
    expect(expectOne({ message: 'no' }).span_id).toBe(expectOne({ route: '/line' }).span_id);
    tailrace.run({ route: '/unasked' }, () => {});
    expect(expectOne({ route: '/unasked' }).span_id).toMatch(/^[0-9a-f]{16}$/);
    tailrace.run({ route: '/given', span_id: 'b7ad6b7169203331' }, () => {});
    expect(expectOne({ route: '/given' }).span_id).toBe('b7ad6b7169203331');
    tailrace.run({ route: '/no-id', span_id: 'nonsense' }, () => {});
    expect(expectOne({ route: '/no-id' }).span_id).toMatch(/^[0-9a-f]{16}$/);
  });

  it('passes on what its function throws, and is kept as an error', async () => {
    const { tailrace, expectOne } = collectEvents({ sampling: { normalRate: 0 } });
    const error = new CodedError('E_SYNC');
    expect(() =>
      tailrace.run({ route: '/sync' }, () => {
        throw error;
      }),
    ).toThrow(error);
    await expect(tailrace.run({ route: '/async' }, () => Promise.reject(error))).rejects.toBe(error);
    for (const route of ['/sync', '/async']) {
      expect(expectOne({ route })).toMatchObject({
        level: 'error',
        'error.code': 'E_SYNC',
        'sampling.rule': 'HAS_ERROR',
      });
    }
  });

  it('travels through await, timers, emitters, and not into its neighbours', async () => {
    const { tailrace, expectOne } = collectEvents();
    const work = (name: string) =>
      tailrace.run({ name }, async () => {
        await delay(2);
        const emitter = new EventEmitter();
        emitter.on('tick', () => tailrace.count(`${name}.ticks`));
        setImmediate(() => emitter.emit('tick'));
        await once(emitter, 'tick');
        await new Promise<void>((resolve) => {
          queueMicrotask(() => {
            tailrace.count(`${name}.ticks`, 2);
            resolve();
          });
        });
      });
    await Promise.all([work('a'), work('b')]);
    expect(expectOne({ name: 'a' })).toMatchObject({ 'a.ticks': 3 });
    expect(expectOne({ name: 'b' })['a.ticks']).toBeUndefined();
  });

  it('stores what it is given as _metadata', () => {
    const { tailrace, expectOne } = collectEvents();
    tailrace.run({ route: '/m', _metadata: { tenant: 't1', flags: ['x'] } }, () => {});
    expect(expectOne({ route: '/m' })).toMatchObject({ '_metadata.tenant': 't1', '_metadata.flags': ['x'] });
  });

  it('puts nested fields together, without touching what it was given', () => {
    const { tailrace, expectOne } = collectEvents();
    const user = { id: 'u1' };
    tailrace.run({ route: '/u', user }, () => {
      tailrace.set({ user: { role: 'admin' }, list: [1] });
      tailrace.set({ list: [2] });
    });
    expect(expectOne({ route: '/u' })).toMatchObject({ 'user.id': 'u1', 'user.role': 'admin', list: [2] });
    expect(user).toEqual({ id: 'u1' });
  });

  it('tells what was true when it ended, whatever becomes of its values in the same turn', async () => {
    const seen: unknown[] = [];
    const tailrace = createTailrace({
      service: 'shop',
      dataDir: await mkdtemp(join(tmpdir(), 'tailrace-scope-')),
      handleExit: false,
      sampling: { normalRate: 1 },
      routes: [
        {
          name: 'seen',
          sinks: [
            functionSink((events) => {
              seen.push(...events.map((event) => event['item.n']));
            }),
          ],
        },
      ],
    });
    const item = { n: 0 };
    for (const n of [1, 2, 3]) {
      item.n = n;
      tailrace.run({ item }, () => {});
    }
    item.n = 4;
    await tailrace.close();
    expect(seen).toEqual([1, 2, 3]);
  });

  it('joins a trace that came from outside, and hands it on', () => {
    const { tailrace, expectOne } = collectEvents({ sampling: { normalRate: 0.5 } });
    const traceId = '4bf92f3577b34da6a3ffffffffffffff';
    tailrace.run(
      {
        route: '/in',
        traceparent: `00-${traceId}-00f067aa0ba902b7-01`,
        tracestate: 'vendor=1,ot=th:c',
        request_id: 'r1',
      },
      () => {
        const headers = tailrace.outgoingHeaders();
        const spanId = tailrace.scope()?.spanId;
        expect(headers).toEqual({
          traceparent: `00-${traceId}-${spanId}-03`,
          tracestate: 'ot=th:8,vendor=1',
          'x-request-id': 'r1',
        });
      },
    );
    const event = expectOne({ route: '/in' });
    expect(event).toMatchObject({ trace_id: traceId, parent_span_id: '00f067aa0ba902b7', request_id: 'r1' });
    expect(event.traceparent).toBeUndefined();
    expect(event.tracestate).toBeUndefined();
  });

  it('decides by the request id where only that came from outside, and tells callees the bits', () => {
    const { tailrace } = collectEvents();
    const randomnessOf = () =>
      tailrace.run(
        { request_id: 'order-77' },
        () => /rv:([0-9a-f]{14})/.exec(tailrace.outgoingHeaders().tracestate ?? '')?.[1],
      );
    expect(randomnessOf()).toMatch(/^[0-9a-f]{14}$/);
    expect(randomnessOf()).toBe(randomnessOf());
  });
});

describe('the service', () => {
  it('follows the step, also side by side, and goes back', async () => {
    const { tailrace, expectOne } = collectEvents({ service: 'shop' });
    await tailrace.run({ route: '/pay' }, async () => {
      await Promise.all([
        tailrace.step('charge', { service: 'gateway' }, async () => {
          await delay(5);
          tailrace.log.info('charging');
          await tailrace.step('fraud', { service: 'fraud' }, async () => tailrace.log.info('checking'));
          tailrace.log.info('charged');
        }),
        tailrace.step('reserve', { service: 'stock' }, async () => {
          await delay(2);
          tailrace.log.info('reserving');
        }),
      ]);
      tailrace.log.info('paid');
    });
    for (const [message, service] of [
      ['charging', 'gateway'],
      ['checking', 'fraud'],
      ['charged', 'gateway'],
      ['reserving', 'stock'],
      ['paid', 'shop'],
    ]) {
      expect(expectOne({ message }).service, message).toBe(service);
    }
    const event = expectOne({ route: '/pay' });
    expect(event.service).toBe('shop');
    expect(event.steps).toMatchObject([
      { name: 'charge', service: 'gateway', outcome: 'ok' },
      { name: 'reserve', service: 'stock', outcome: 'ok' },
      { name: 'fraud', service: 'fraud', outcome: 'ok' },
    ]);
  });

  it('of a failed event is the one that failed, innermost first', async () => {
    const { tailrace, expectOne } = collectEvents({ service: 'shop' });
    const failing = tailrace.run({ route: '/pay' }, () =>
      tailrace.step('order', { service: 'orders' }, () =>
        tailrace.step('charge', { service: 'gateway' }, async () => {
          throw new CodedError('TIMEOUT');
        }),
      ),
    );
    await expect(failing).rejects.toThrow();
    expect(expectOne({ route: '/pay' })).toMatchObject({
      service: 'gateway',
      'error.code': 'TIMEOUT',
      steps: [
        { name: 'order', outcome: 'error', code: 'TIMEOUT' },
        { name: 'charge', outcome: 'error', code: 'TIMEOUT' },
      ],
    });
  });

  it('is found through a cause, and through a status alone', () => {
    const { tailrace, expectOne } = collectEvents({ service: 'shop' });
    const fail = () =>
      tailrace.step('charge', { service: 'gateway' }, () => {
        throw new CodedError('TIMEOUT');
      });
    expect(() =>
      tailrace.run({ route: '/wrapped' }, () => {
        try {
          fail();
        } catch (cause) {
          tailrace.step('apologise', { service: 'mail' }, () => {});
          throw new CodedError('PAYMENT_FAILED', { cause });
        }
      }),
    ).toThrow();
    expect(expectOne({ route: '/wrapped' })).toMatchObject({ service: 'gateway', 'error.code': 'PAYMENT_FAILED' });

    tailrace.run({ route: '/status' }, () => {
      try {
        fail();
      } catch {
        tailrace.set({ status: 502 });
      }
    });
    expect(expectOne({ route: '/status' })).toMatchObject({ service: 'gateway', level: 'error' });
  });

  it('is found where the error was replaced by another without a cause', () => {
    const { tailrace, expectOne } = collectEvents({ service: 'shop' });
    expect(() =>
      tailrace.run({ route: '/replaced' }, () => {
        try {
          tailrace.step('charge', { service: 'gateway' }, () => {
            throw new CodedError('TIMEOUT');
          });
        } catch {
          throw new CodedError('PAYMENT_FAILED');
        }
      }),
    ).toThrow('PAYMENT_FAILED');
    expect(expectOne({ route: '/replaced' })).toMatchObject({ service: 'gateway', 'error.code': 'PAYMENT_FAILED' });
  });

  it('stays its own where a failed step was made good', () => {
    const { tailrace, expectOne } = collectEvents({ service: 'shop' });
    tailrace.run({ route: '/fallback', status: 200 }, () => {
      try {
        tailrace.step('cache', { service: 'cache' }, () => {
          throw new CodedError('COLD');
        });
      } catch {
        tailrace.step('store', { service: 'store' }, () => {});
      }
    });
    expect(expectOne({ route: '/fallback' })).toMatchObject({
      service: 'shop',
      level: 'info',
      'sampling.rule': 'SAMPLED_NORMAL',
    });
  });
});

describe('lines in a scope', () => {
  it('carry its ids, and flow into its event', () => {
    const { tailrace, expectOne } = collectEvents();
    tailrace.run({ route: '/l', request_id: 'r9' }, () => {
      tailrace.log.info('one');
      tailrace.log.warn('two');
      tailrace.log.warn('three');
      tailrace.log.debug('not written');
    });
    const event = expectOne({ route: '/l' });
    expect(event).toMatchObject({ level: 'warn', 'log.counts.info': 1, 'log.counts.warn': 2 });
    expect(event['log.counts.debug']).toBeUndefined();
    expect(expectOne({ message: 'one' })).toMatchObject({
      trace_id: event.trace_id,
      span_id: event.span_id,
      request_id: 'r9',
      level: 'info',
    });
  });

  it('make the event an error by one line of level error', () => {
    const { tailrace, expectOne } = collectEvents({ sampling: { normalRate: 0 } });
    tailrace.run({ route: '/l', level: 'info' }, () => tailrace.log.error('it went wrong'));
    expect(expectOne({ route: '/l' })).toMatchObject({ level: 'error', 'sampling.rule': 'HAS_ERROR' });
  });
});

describe('work that outlives the request', () => {
  it('gets an event of its own, linked by its parents ids', async () => {
    const { tailrace, expectOne } = collectEvents({ service: 'shop' });
    let mail: Promise<void> | undefined;
    tailrace.run({ route: '/order', request_id: 'r5' }, () => {
      mail = tailrace.fork({ topic: 'mail', service: 'mailer' }, async () => {
        await delay(5);
        tailrace.set({ sent: true });
      });
    });
    const parent = expectOne({ route: '/order' });
    await mail;
    expect(expectOne({ topic: 'mail' })).toMatchObject({
      sent: true,
      service: 'mailer',
      trace_id: parent.trace_id,
      parent_span_id: parent.span_id,
      request_id: 'r5',
    });
  });
});

describe('calls that can have no effect', () => {
  it('are survived, counted, and told once of each kind', async () => {
    const { tailrace, notices, events } = collectEvents();
    for (let i = 0; i < 3; i += 1) tailrace.set({ lost: i });
    tailrace.count('lost');
    expect(tailrace.step('untimed', () => 5)).toBe(5);
    const scope = tailrace.startScope({ route: '/s' });
    scope.end();
    scope.end();
    scope.set({ late: 1 });
    scope.error(new Error('late'));
    scope.count('late');
    expect(scope.step('late', () => 6)).toBe(6);
    expect(events).toHaveLength(1);
    expect(events[0]?.late).toBeUndefined();
    expect((await tailrace.stats()).misuse).toEqual({
      set_outside_scope: 3,
      count_outside_scope: 1,
      step_outside_scope: 1,
      end_twice: 1,
      set_after_end: 1,
      error_after_end: 1,
      count_after_end: 1,
      step_after_end: 1,
    });
    expect(notices.filter(({ code }) => code === 'set_outside_scope')).toHaveLength(1);
  });

  it('log an error that is given outside of every scope', () => {
    const { tailrace, expectOne } = collectEvents();
    tailrace.error(new CodedError('LONELY'), { job: 'nightly' });
    expect(expectOne({ 'error.code': 'LONELY' })).toMatchObject({ level: 'error', job: 'nightly' });
  });
});

describe('hostile values', () => {
  const circular: Record<string, unknown> = { a: 1 };
  circular.self = circular;
  const { proxy: revoked, revoke } = Proxy.revocable({}, {});
  revoke();
  it.each<[string, object]>([
    ['circular', circular],
    ['a revoked proxy', revoked],
    [
      'a throwing getter',
      {
        get boom() {
          throw new Error('no');
        },
      },
    ],
    ['__proto__', JSON.parse('{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}')],
    ['BigInt, symbols, functions', { big: 1n, symbol: Symbol('s'), fn: () => {} }],
  ])('are survived everywhere: %s', (_name, value) => {
    const { tailrace, events } = collectEvents();
    tailrace.run(value as Record<string, unknown>, () => {
      tailrace.set(value as Record<string, unknown>);
      tailrace.set({ value });
      tailrace.error(value);
      tailrace.log.info('line', value as Record<string, unknown>);
      tailrace.log.info(value);
      tailrace.count('__proto__');
    });
    expect(events.length).toBe(3);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
    expect(tailrace.ledger().emitted).toBe(3);
  });
});

it('numbers kept events from 1 without a gap, and the account balances', () => {
  const { tailrace, events } = collectEvents({ sampling: { normalRate: 0.3 } });
  for (let i = 0; i < 2_000; i += 1) tailrace.run({ route: `/r/${i % 7}`, status: i % 50 === 0 ? 500 : 200 }, () => {});
  expect(events.map(({ event_id }) => event_id)).toEqual(events.map((_, i) => `${tailrace.producer}-${i + 1}`));
  const { emitted, kept, sampled_out, sequence } = tailrace.ledger();
  expect(emitted).toBe(2_000);
  expect(kept.HAS_ERROR).toBe(40);
  expect(sequence).toBe(events.length);
  expect((kept.HAS_ERROR ?? 0) + (kept.SAMPLED_NORMAL ?? 0) + (sampled_out.SAMPLED_NORMAL ?? 0)).toBe(2_000);
});
