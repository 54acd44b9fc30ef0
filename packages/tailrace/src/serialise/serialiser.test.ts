import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { EVENT_FIELDS, EVENT_SCHEMA } from '../event.ts';
import { createRedactor } from '../redaction/index.ts';
import { assignFields, createSerialiser, DEFAULT_LIMITS, type Serialiser } from './index.ts';

const FIXED = {
  schema: EVENT_SCHEMA,
  event_id: '0mb1x9k3fqz7a-1',
  timestamp: '2026-11-21T09:32:00.000Z',
  level: 'info',
  service: 'shop',
  'sampling.rule': 'SAMPLED_NORMAL',
  'sampling.rate': 0.01,
};

function create(limits = {}): Serialiser {
  return createSerialiser({ limits, redactor: createRedactor(), includeStack: true });
}

function serialise(record: Record<string, unknown>, serialiser = create()): Record<string, unknown> {
  const line = serialiser.serialise(record);
  expect(line).not.toContain('\n');
  return JSON.parse(line);
}

function circular(): unknown {
  const value: Record<string, unknown> = { name: 'loop', list: [] };
  value.self = value;
  value.list = [value];
  return value;
}

function revoked(): unknown {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

const throwing = (): never => {
  throw new Error('hostile');
};

function hostileError(): unknown {
  const error = new Error('seen');
  for (const key of ['stack', 'message', 'name', 'code', 'cause']) Object.defineProperty(error, key, { get: throwing });
  return error;
}

function deep(levels: number): unknown {
  let value: unknown = 'bottom';
  for (let i = 0; i < levels; i += 1) value = { below: value };
  return value;
}

function proxyOfAll(): { readonly proxy: object; readonly reads: () => number } {
  let reads = 0;
  const keys = Array.from({ length: 1_000_000 }, (_, i) => `k${i}`);
  const proxy = new Proxy(
    {},
    {
      ownKeys: () => keys,
      getOwnPropertyDescriptor: () => ({ value: 1, enumerable: true, configurable: true }),
      get: () => {
        reads += 1;
        return 1;
      },
    },
  );
  return { proxy, reads: () => reads };
}

const HAZARDS: Readonly<Record<string, () => unknown>> = {
  'a nested object': () => ({ a: { b: { c: 1 } } }),
  'an error with causes': () => new TypeError('outer', { cause: new Error('inner', { cause: 'innermost' }) }),
  'an error that is its own cause': () => {
    const error = new Error('loop');
    error.cause = error;
    return error;
  },
  'an error whose getters throw': hostileError,
  'an aggregate error': () => new AggregateError([new Error('a'), 'b', null], 'many'),
  'a map': () =>
    new Map<unknown, unknown>([
      ['k', 1],
      ['l', new Map()],
    ]),
  'a map with objects as keys': () => new Map([[{ a: 1 }, { b: 2 }]]),
  'a set': () => new Set([1, 'two', { three: 3 }]),
  'a BigInt': () => 2n ** 70n,
  'a buffer': () => Buffer.from('secret bytes'),
  'a typed array': () => new Float64Array(1e6),
  'a date': () => new Date(0),
  'an invalid date': () => new Date(Number.NaN),
  'a URL': () => new URL('https://example.com/a?b=c'),
  'a regular expression': () => /a+/g,
  'a symbol': () => Symbol('tag'),
  'a function': () => throwing,
  'a class': () => class Thing {},
  'a promise': () => Promise.resolve(1),
  'a generator': () =>
    (function* numbers() {
      yield 1;
    })(),
  'a circular object': circular,
  'a getter that throws': () => ({
    good: 1,
    get bad() {
      return throwing();
    },
  }),
  'a getter that throws a hostile value': () => ({
    get bad() {
      throw {
        get message() {
          return throwing();
        },
      };
    },
  }),
  'a proxy': () => new Proxy({ a: 1 }, {}),
  'a revoked proxy': revoked,
  'a proxy that throws at everything': () =>
    new Proxy(
      {},
      { get: throwing, ownKeys: throwing, getPrototypeOf: throwing, has: throwing, getOwnPropertyDescriptor: throwing },
    ),
  'a toJSON that throws': () => ({ toJSON: throwing }),
  'a toJSON that answers a circle': () => ({ toJSON: circular }),
  'a toJSON that answers itself': () => {
    const value = { toJSON: (): unknown => value };
    return value;
  },
  'lone surrogates': () => '\ud800 middle \udc00',
  'not a number': () => Number.NaN,
  infinity: () => Number.NEGATIVE_INFINITY,
  'keys that change prototypes': () =>
    JSON.parse('{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},"prototype":1}'),
  'a class instance': () =>
    new (class Point {
      x = 1;
      #y = 2;
      sum() {
        return this.x + this.#y;
      }
    })(),
  'a huge array': () => new Array(1_000_000).fill('x'),
  'a huge string': () => 'x'.repeat(10_000_000),
  'a sparse array': () => Object.assign([], { 5: 'five', length: 4_000_000_000 }),
  'arrays of arrays': () => {
    let value: unknown = 'leaf';
    for (let i = 0; i < 7; i += 1) value = new Array(256).fill(value);
    return value;
  },
  'a deep nest': () => deep(100_000),
  'a long chain of causes': () => {
    let error = new Error('first');
    for (let i = 0; i < 10_000; i += 1) error = new Error(`cause ${i}`, { cause: error });
    return error;
  },
  'an object without a prototype': () => Object.assign(Object.create(null), { a: 1 }),
  'boxed primitives': () => [Object('s'), Object(1), Object(true), Object(1n), Object(Symbol('s'))],
  undefined: () => undefined,
  null: () => null,
  'a weak map': () => new WeakMap(),
  'the global object': () => globalThis,
  'a function with a hostile name': () => Object.defineProperty(() => 1, 'name', { get: throwing }),
  'a map that lies': () =>
    Object.defineProperties(new Map([['a', 1]]), { size: { get: throwing }, entries: { value: throwing } }),
  'a date with a hostile toISOString': () => Object.assign(new Date(0), { toISOString: throwing, toJSON: throwing }),
};

describe('hazards', () => {
  const before = Reflect.ownKeys(Object.prototype).length;

  test.each(Object.entries(HAZARDS))('%s is survived wherever it stands', (_, make) => {
    const places: Record<string, () => Record<string, unknown>> = {
      field: () => ({ ...FIXED, value: make() }),
      nested: () => ({ ...FIXED, a: { b: [make(), { c: make() }] } }),
      'fixed field': () => ({ ...FIXED, message: make(), status: make(), steps: make(), 'user.id': make() }),
      'whole object': () => {
        const record: Record<string, unknown> = {};
        assignFields(record, make());
        return { ...record, ...FIXED };
      },
      error: () => ({ ...FIXED, ...create().describeError(make()) }),
      'nested error': () => ({ ...FIXED, err: Object.assign(new Error('x', { cause: make() }), { own: make() }) }),
    };
    for (const [place, record] of Object.entries(places)) {
      const serialiser = create();
      const line = serialiser.serialise(record());
      const event: Record<string, unknown> = JSON.parse(line);
      expect(event, place).toMatchObject(FIXED);
      expect(Buffer.byteLength(line), place).toBeLessThanOrEqual(DEFAULT_LIMITS.eventBytes);
      for (const value of Object.values(event)) {
        expect(typeof value === 'object' && value !== null && !Array.isArray(value), place).toBe(false);
      }
      expect(Object.keys(event).slice(0, 4), place).toEqual(['schema', 'event_id', 'timestamp', 'level']);
    }
    expect(Reflect.ownKeys(Object.prototype).length).toBe(before);
    expect(Object.getOwnPropertyNames({})).toEqual([]);
  });

  test('what became of each is visible', () => {
    const event = serialise({
      ...FIXED,
      circle: circular(),
      proxy: revoked(),
      bad: { toJSON: throwing },
      big: 2n ** 70n,
      small: 12n,
      buffer: Buffer.alloc(12),
      date: new Date(0),
      invalid: new Date(Number.NaN),
      nan: Number.NaN,
      lone: 'a\ud800b',
      escaped: '\\ud800',
      set: new Set([1]),
      pairs: new Map([[{}, 1]]),
      map: new Map([['k', 1]]),
      fn: throwing,
      symbol: Symbol('s'),
      empty: {},
      42: 'number',
      ['__proto__']: 1,
      none: undefined,
      nothing: null,
      deep: deep(12),
      get getter() {
        return throwing();
      },
    });
    expect(event).toEqual({
      ...FIXED,
      'circle.name': 'loop',
      'circle.list': ['[Circular]'],
      'circle.self': '[Circular]',
      proxy: expect.stringContaining('[Unreadable: '),
      bad: '[Unreadable: toJSON: hostile]',
      big: '1180591620717411303424',
      small: 12,
      buffer: '[Buffer: 12 bytes]',
      date: '1970-01-01T00:00:00.000Z',
      invalid: 'Invalid Date',
      nan: 'NaN',
      lone: 'a\ufffdb',
      escaped: '\\ud800',
      set: [1],
      pairs: [[{}, 1]],
      'map.k': 1,
      fn: '[Function: throwing]',
      symbol: 'Symbol(s)',
      empty: '{}',
      _42: 'number',
      _proto_: 1,
      nothing: null,
      'deep.below.below.below.below.below.below.below.below': '[Cut: too deep]',
      getter: '[Unreadable: hostile]',
      'tailrace.truncated': ['deep.below.below.below.below.below.below.below.below'],
    });
  });

  test('errors tell their code, type, message, causes and own fields', () => {
    const serialiser = createSerialiser({ redactor: createRedactor(), includeStack: false });
    const error = Object.assign(new RangeError('too far for ann@example.com', { cause: new Error('why') }), {
      code: 'E_FAR',
      limit: 3,
    });
    expect(serialise(serialiser.describeError(error), serialiser)).toEqual({
      'error.code': 'E_FAR',
      'error.type': 'RangeError',
      'error.message': 'too far for ***@***.com',
      'error.causes': [{ code: 'Error', type: 'Error', message: 'why' }],
    });
    expect(serialise({ error }, serialiser)).toMatchObject({ 'error.code': 'E_FAR', 'error.limit': 3 });
    expect(serialise(serialiser.describeError('plain'), serialiser)).toEqual({
      'error.code': 'string',
      'error.type': 'string',
      'error.message': 'plain',
    });
    expect(serialise(serialiser.describeError({ code: 7, message: 'm', password: 'x1' }), serialiser)).toMatchObject({
      'error.code': '7',
      'error.message': 'm',
      'error.value.password': '[REDACTED]',
    });
    expect(serialise(create().describeError(new Error('x')))['error.stack']).toContain('serialiser.test.ts');
    expect(
      serialise(serialiser.describeError(new AggregateError([new Error('a'), 'b'], 'many')), serialiser)[
        'error.errors'
      ],
    ).toHaveLength(2);
  });
});

describe('fixed keys', () => {
  test('come first, in their order, whatever the order given', () => {
    const names = Object.keys(EVENT_FIELDS);
    const record: Record<string, unknown> = { zebra: 1, alpha: 2 };
    for (const name of [...names].reverse())
      record[name] = name === 'steps' ? [] : name === 'status' ? 200 : name.match(/_ms|rate/) ? 0.5 : name;
    expect(Object.keys(serialise(record))).toEqual([...names, 'zebra', 'alpha']);
  });

  test('can not be taken by what a user nests', () => {
    const event = serialise({ ...FIXED, sampling: { rate: 5, rule: 'mine' }, user: { id: 7, role: 'admin' } });
    expect(event).toEqual({
      ...FIXED,
      'sampling.rate_': 5,
      'sampling.rule_': 'mine',
      'user.id': '7',
      'user.role': 'admin',
    });
  });

  test('are converted where that is sane, and else stand beside', () => {
    expect(serialise({ ...FIXED, status: '404', duration_ms: '1.5', message: 12 })).toEqual({
      ...FIXED,
      status: 404,
      duration_ms: 1.5,
      message: '12',
    });
    expect(
      serialise({ ...FIXED, status: 'lost', duration_ms: Number.NaN, message: ['a'], steps: 'none', 'user.id': null }),
    ).toEqual({
      ...FIXED,
      status_: 'lost',
      duration_ms_: 'NaN',
      message_: ['a'],
      steps_: 'none',
    });
  });

  test('ids of traces are let through, and searched where they are none', () => {
    const ids = {
      trace_id: '41111111111111114111111111111111',
      span_id: '4111111111111111',
      parent_span_id: 'ann@example.com',
    };
    expect(serialise({ ...FIXED, ...ids })).toEqual({ ...FIXED, ...ids, parent_span_id: '***@***.com' });
  });
});

describe('limits', () => {
  test('a long string keeps its beginning and tells its length', () => {
    const event = serialise({ ...FIXED, text: 'x'.repeat(100_000) });
    expect(event.text).toMatch(/^x{1000,}…\[cut: 100000 characters\]$/);
    expect(String(event.text)).toHaveLength(DEFAULT_LIMITS.stringLength);
    expect(event['tailrace.truncated']).toEqual(['text']);
  });

  test('an array keeps its first items and tells how many there were', () => {
    const event = serialise({ ...FIXED, list: Array.from({ length: 1_000_000 }, (_, i) => i) });
    expect(event.list).toHaveLength(DEFAULT_LIMITS.items);
    expect(Array.isArray(event.list) && event.list.at(-1)).toBe('[Cut: 999745 more of 1000000 items]');
    expect(event['tailrace.truncated']).toEqual(['list']);
  });

  test('keys over the limit are counted, and none of them is a fixed one', () => {
    const record: Record<string, unknown> = {};
    for (let i = 0; i < 1000; i += 1) record[`k${i}`] = i;
    const event = serialise({ ...record, ...FIXED });
    expect(event).toMatchObject(FIXED);
    expect(event['tailrace.dropped_keys']).toBe(1000 - DEFAULT_LIMITS.keys);
    expect(event.k511).toBe(511);
    expect(event.k512).toBeUndefined();
  });

  test('an event over its bytes loses its largest attributes, not itself', () => {
    const serialiser = create();
    const record: Record<string, unknown> = { ...FIXED, small: 'kept', message: 'paid' };
    for (let i = 0; i < 40; i += 1) record[`big${i}`] = '한'.repeat(16_000);
    const line = serialiser.serialise(record);
    expect(Buffer.byteLength(line)).toBeLessThanOrEqual(DEFAULT_LIMITS.eventBytes);
    const event = JSON.parse(line);
    expect(event).toMatchObject({ ...FIXED, small: 'kept', message: 'paid' });
    expect(Object.keys(event)).toHaveLength(40 + 10);
    expect(event['tailrace.truncated'].length).toBeGreaterThan(30);
    expect(serialiser.counts()).toMatchObject({ truncatedEvents: expect.any(Number), unreadableValues: 0 });
  });

  test('a budget bounds what is read, whatever the shape', () => {
    const { proxy, reads } = proxyOfAll();
    serialise({ ...FIXED, proxy });
    expect(reads()).toBeLessThanOrEqual(DEFAULT_LIMITS.keys * 4);

    let gets = 0;
    const counting = new Proxy([], {
      get: (target, key) => {
        gets += 1;
        return key === 'length' ? 1_000_000 : Reflect.get(target, key);
      },
    });
    serialise({ ...FIXED, counting });
    expect(gets).toBeLessThanOrEqual(DEFAULT_LIMITS.items * 2);

    let leaves = 0;
    const leaf = {
      get value() {
        leaves += 1;
        return 'x';
      },
    };
    serialise({ ...FIXED, tree: new Array(256).fill(new Array(256).fill(new Array(256).fill(leaf))) });
    expect(leaves).toBeLessThanOrEqual(16_384);
  });

  test('the characters that are searched are bounded for the whole event', () => {
    const redactor = createRedactor();
    let searched = 0;
    const counting = {
      ...redactor,
      redactString: (text: string, keepChars = text.length) => {
        searched += Math.min(text.length, keepChars);
        return redactor.redactString(text, keepChars);
      },
    };
    const serialiser = createSerialiser({ redactor: counting, includeStack: false });
    const long = 'x'.repeat(20_000);
    const record: Record<string, unknown> = { ...FIXED };
    for (let i = 0; i < 400; i += 1) record[`k${i}`] = i % 2 === 0 ? long : [long, long.slice(0, 60)];
    const event = serialise(record, serialiser);
    expect(searched).toBeLessThanOrEqual(DEFAULT_LIMITS.eventBytes * 1.25);
    expect(event.k398).toBe('…[cut: 20000 characters]');
  });

  test('a limit that can not be used is named', () => {
    expect(() => create({ eventBytes: 10 })).toThrow('limits.eventBytes is 10');
    expect(() => create({ depth: 0 })).toThrow('limits.depth');
  });
});

describe('secrets', () => {
  const CARD = '4111 1111 1111 1111';
  const MAIL = 'ann.lee@example.com';
  const JWT = 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc-def';
  const KEY = 'AKIAIOSFODNN7EXAMPLE';

  test('none reaches the line, wherever it was planted', () => {
    for (const secret of [CARD, MAIL, JWT, KEY, 'password=hunter22']) {
      const inner = new Error(`cause ${secret}`);
      const error = new Error(`failed with ${secret}`, { cause: inner });
      const serialiser = create();
      const line = serialiser.serialise({
        ...FIXED,
        ...serialiser.describeError(error),
        message: `m ${secret}`,
        nested: { deep: { list: [secret, { text: `t ${secret}` }] } },
        err: error,
        [`key ${secret}`]: 1,
        map: new Map([[secret, secret]]),
        set: new Set([secret]),
        json: JSON.stringify({ a: [secret] }),
        twice: JSON.stringify(JSON.stringify({ a: secret })),
        url: new URL(`https://example.com/?q=${encodeURIComponent(secret)}`).href,
        headers: { 'x-thing': secret },
        thrown: {
          get a() {
            throw new Error(secret);
          },
        },
        symbol: Symbol(secret),
        steps: [{ name: secret }],
        request_id: secret,
        objects: [{ [secret]: 1 }],
        long: 'y '.repeat(8170) + secret,
        toJson: { toJSON: () => secret },
        any: new AggregateError([error], secret),
      });
      const hidden = secret === 'password=hunter22' ? 'hunter22' : secret;
      expect(line).not.toContain(hidden);
      expect(line).not.toContain(encodeURIComponent(hidden));
    }
  });

  test('names are found through objects, arrays, maps and headers', () => {
    const line = create().serialise({
      ...FIXED,
      password: 'hunter22',
      a: { token: 'hunter22' },
      list: [{ apiKey: 'hunter22', list: [{ pin: 'hunter22' }] }],
      m: new Map([['secret', 'hunter22']]),
      headers: { Authorization: 'hunter22', Cookie: ['hunter22'], 'Set-Cookie': ['hunter22', 'hunter22'] },
      secret: { a: { b: 'hunter22' } },
    });
    expect(line).not.toContain('hunter22');
    expect(line).toContain('[REDACTED]');
  });
});

describe('laws', () => {
  const anything = fc.anything({
    withBigInt: true,
    withDate: true,
    withMap: true,
    withNullPrototype: true,
    withObjectString: true,
    withSet: true,
    withSparseArray: true,
    withTypedArray: true,
    withBoxedValues: true,
    withUnicodeString: true,
  });
  const records = fc.dictionary(
    fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom(...Object.keys(EVENT_FIELDS), '__proto__', 'constructor', 'toJSON', '0', 'a.b', 'password'),
    ),
    anything,
  );

  test('always one line of valid, flat JSON, and writing it again changes nothing', () => {
    const serialiser = create({ depth: 4, items: 5, keys: 12, stringLength: 256 });
    fc.assert(
      fc.property(records, (record) => {
        const line = serialiser.serialise(record);
        expect(line).not.toMatch(/[\n\r]/);
        const event: Record<string, unknown> = JSON.parse(line);
        for (const value of Object.values(event))
          expect(value === null || typeof value !== 'object' || Array.isArray(value)).toBe(true);
        // where a string was cut, its end has lost what stood behind it, and may look like a secret now
        if (!line.includes('…[cut: ')) expect(serialiser.serialise(event)).toBe(line);
      }),
      { numRuns: 1000 },
    );
  });
});
