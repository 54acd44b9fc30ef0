/** Events, searches and plans for the property tests: small pools of values, so that they often meet. */
import fc from 'fast-check';

export const NOW = Date.parse('2026-11-21T09:32:00.000Z');

export type Event = Readonly<Record<string, unknown>>;

const words = [
  'payments',
  'gateway',
  'order',
  '카드 결제',
  'Ünïted',
  'a"b\\c',
  "it's",
  '100%',
  'a_b',
  '5',
  '05',
  'true',
  'x\ny',
  '😀 ok',
  '[1]',
  'İstanbul',
  'ΣΑΣ',
];
const word = fc.constantFrom(...words);
const number = fc.oneof(
  fc.constantFrom(0, 5, 500, 502, -3, 1.5, 1e-7, 1e21, 2 ** 53, 12345678901234568, 0.1),
  fc.integer({ min: -10, max: 600 }),
  fc.double({ min: -1e60, max: 1e60, noNaN: true }),
);
const scalar = fc.oneof(
  { arbitrary: word, weight: 3 },
  { arbitrary: number, weight: 2 },
  fc.boolean(),
  fc.constant(null),
);
const json = fc.oneof(
  { arbitrary: scalar, weight: 6 },
  { arbitrary: fc.array(scalar, { maxLength: 3 }), weight: 2 },
  fc.record({ deep: scalar, list: fc.array(scalar, { maxLength: 2 }) }),
);

export const ATTRIBUTES = ['payment.amount', 'a/b~c', "o'brien", 'say "hi"', '카드', 'tags', '0', '*'];

export const generatedEvent: fc.Arbitrary<Record<string, unknown>> = fc
  .record(
    {
      level: fc.constantFrom('info', 'info', 'warn', 'error'),
      service: fc.constantFrom('payments', 'gateway', 'order', '카드 결제'),
      minutesAgo: fc.integer({ min: 1, max: 180 }),
      message: word,
      route: fc.constantFrom('/payments/:id', '/health', '/a_b/100%'),
      status: fc.constantFrom(200, 400, 500, 502),
      duration_ms: fc.oneof(fc.integer({ min: 0, max: 50 }), fc.double({ min: 0, max: 3_000, noNaN: true })),
      'error.code': fc.constantFrom('GATEWAY_TIMEOUT', 'CARD_EXPIRED', '5'),
      trace: fc.integer({ min: 1, max: 40 }),
      rate: fc.constantFrom(1, 1, 0.5, 0.25, 0.125),
      attributes: fc.dictionary(fc.constantFrom(...ATTRIBUTES), json, { maxKeys: 4 }),
    },
    { requiredKeys: ['level', 'service', 'minutesAgo', 'rate', 'attributes'] },
  )
  .map(({ minutesAgo, trace, rate, attributes, ...rest }) => ({
    schema: 'tailrace/event/v1',
    event_id: '',
    timestamp: new Date(NOW - minutesAgo * 60_000).toISOString(),
    ...rest,
    ...(trace === undefined ? {} : { trace_id: `trace${trace}` }),
    'sampling.rule': rate === 1 ? 'HAS_ERROR' : 'SAMPLED_NORMAL',
    'sampling.rate': rate,
    ...attributes,
  }));

/** Numbered, so that each has its own id, and as a store gives them back: JSON knows no -0. */
export function numbered(events: readonly Record<string, unknown>[]): Event[] {
  return events.map((event, i) => JSON.parse(JSON.stringify({ ...event, event_id: `0mb1x9k3fqz7a-${i + 1}` })));
}

const quoted = (text: string): string => `"${text.replaceAll(/["\\]/g, '\\$&')}"`;
const escaped = (text: string): string => text.replaceAll(/[\s"\\()*:[\]{}]/gu, '\\$&');
/** Whole characters: half of one is no text to a database. */
const part = (text: string, from: number, to?: number): string => [...text].slice(from, to).join('');
const field = fc.oneof(
  fc.constantFrom('service', 'message', 'route', 'level', 'error.code', 'user.id'),
  fc.constantFrom(...ATTRIBUTES.map(quoted), 'payment.amount', 'tags', 'absent'),
);
const numericField = fc.constantFrom('status', 'duration_ms', '"payment.amount"', 'tags', '"a/b~c"');
const numberText = fc.oneof(fc.integer({ min: -5, max: 600 }), fc.constantFrom(1.5, 0.1, 2 ** 53)).map(String);
const pattern = word.chain((text) =>
  fc.constantFrom(
    `${escaped(part(text, 0, 2))}*`,
    `*${escaped(part(text, -2))}`,
    `${escaped(part(text, 0, 1))}*${escaped(part(text, -1))}`,
    '*',
  ),
);
const comparison = fc.constantFrom('>', '>=', '<', '<=');

const leaf = fc.oneof(
  fc.tuple(field, word).map(([name, text]) => `${name}:${quoted(text)}`),
  fc.tuple(field, word).map(([name, text]) => `${name}:${escaped(text)}`),
  fc.tuple(field, pattern).map(([name, text]) => `${name}:${text}`),
  fc.tuple(numericField, numberText).map(([name, text]) => `${name}:${text}`),
  fc.tuple(numericField, comparison, numberText).map(([name, sign, text]) => `${name}:${sign}${text}`),
  fc.tuple(numericField, numberText, numberText).map(([name, low, high]) => `${name}:[${low} TO ${high}}`),
  fc.tuple(field, comparison, word).map(([name, sign, text]) => `${name}:${sign}${quoted(text)}`),
  fc
    .tuple(field, fc.array(word, { minLength: 1, maxLength: 3 }))
    .map(([name, list]) => `${name}:(${list.map(quoted).join(' ')})`),
  fc.constantFrom('timestamp:>now-1h', 'timestamp:[2026-11-21T09:00:00Z TO *]', 'status:5*', 'tags:5*'),
  word.map(quoted),
  word.map((text) => quoted(part(text, 0, 3).toUpperCase())),
  fc.tuple(word, word).map(([a, b]) => `${escaped(part(a, 0, 2))}*${escaped(part(b, -1))}`),
  fc.constantFrom('e', '1e', 'deep', '"', 'null', '0.', '",', '[', 'list', '\\', '\n').map(quoted),
);

export const generatedSearch: fc.Arbitrary<string> = fc.letrec<{ node: string }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 3, depthSize: 'small' },
    { arbitrary: leaf, weight: 4 },
    { arbitrary: fc.tuple(tie('node'), tie('node')).map(([a, b]) => `(${a}) (${b})`), weight: 1 },
    { arbitrary: fc.tuple(tie('node'), tie('node')).map(([a, b]) => `(${a} OR ${b})`), weight: 1 },
    { arbitrary: tie('node').map((node) => `-(${node})`), weight: 1 },
  ),
})).node;

/** As {@link generatedEvent} gives them, but in two of the hours an attribute holds values of one type only. */
export function mixedEvents(count: number): Event[] {
  return numbered(fc.sample(generatedEvent, count).map(ofOneKind));
}

function ofOneKind(event: Record<string, unknown>): Record<string, unknown> {
  const hour = new Date(String(event.timestamp)).getUTCHours();
  const type = { 6: 'string', 7: 'number' }[hour];
  if (type === undefined) return event;
  return Object.fromEntries(
    Object.entries(event).filter(([name, value]) => {
      const isExact =
        typeof value !== 'number' || !Number.isInteger(value) || Number.isSafeInteger(value) || Math.abs(value) >= 1e21;
      return !ATTRIBUTES.includes(name) || value === null || (typeof value === type && isExact);
    }),
  );
}
