import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createRedactor } from './redactor.ts';

const PEM = '-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEA1234\n-----END RSA PRIVATE KEY-----';

/** What is written, and the part of it that must not be seen again. */
const SECRETS: [kind: string, text: string, hidden?: string][] = [
  ['email', 'ann.b+shop@example.co.uk', 'ann.b'],
  ['email', 'ann%40example.com', 'ann'],
  ['card', '4111111111111111'],
  ['card', '4111 1111 1111 1111'],
  ['card', '5555-5555-5555-4444'],
  ['card', '3782 822463 10005'],
  ['card', '6011111111111117'],
  ['card', '3530111333300000'],
  ['card', '30569309025904'],
  ['card', '6200000000000005'],
  ['card', '2223003122003222'],
  ['card', '4111+1111+1111+1111'],
  ['ssn', '123-45-6789', '123-45'],
  ['phone', '+14155551234', '415555'],
  ['phone', '+82 10 1234 5678', '1234 5678'],
  ['phone', '(415) 555-1234', '415'],
  ['phone', '415.555.1234', '415'],
  ['phone', '010-1234-5678', '010-1234'],
  ['phone', '020 7946 0958', '7946'],
  ['iban', 'DE89 3704 0044 0532 0130 00', '0532'],
  ['iban', 'GB29NWBK60161331926819', '60161331'],
  ['jwt', 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc-def_xyz', 'eyJzdWIi'],
  ['bearer', 'Bearer abc123def456', 'abc123'],
  ['bearer', 'Basic dXNlcjpwYXNzd29yZA==', 'dXNlcjpw'],
  ['aws_key', 'AKIAIOSFODNN7EXAMPLE', 'IOSFODNN7'],
  ['gcp_key', `AIza${'SyD3xample_key-123'.repeat(2)}`, 'SyD3'],
  ['azure_key', `AccountKey=${'aB3/'.repeat(21)}aB==`, 'aB3/'],
  ['github_token', `ghp_${'a1B2c3D4'.repeat(5)}`, 'a1B2'],
  ['slack_token', ['xoxb', '123456789012', 'abcDEF123'].join('-'), 'abcDEF'],
  ['slack_webhook', 'https://hooks.slack.com/services/T00000000/B00000000/XXXXXXXX12345678', 'XXXXXXXX1'],
  ['stripe_key', `sk_live_${'4eC39HqLyjWD'.repeat(2)}`, '4eC39'],
  ['api_key', `sk-proj-${'abcd1234'.repeat(4)}`, 'abcd1234'],
  ['api_key', `sk-ant-api03-${'abcd1234'.repeat(4)}`, 'abcd1234'],
  ['sendgrid_key', `SG.${'a1b2c3d4'.repeat(2)}.${'e5f6g7h8'.repeat(4)}`, 'a1b2'],
  ['npm_token', `npm_${'a1b2c3'.repeat(6)}`, 'a1b2'],
  ['pem', PEM, 'MIIE'],
  ['pem', PEM.replaceAll('\n', '\\n'), 'MIIE'],
  ['pem', PEM.slice(0, 45), 'MIIE'],
  ['url_credentials', 'postgres://app:s3cr3t@db.internal/shop', 's3cr3t'],
  ['url_credentials', 'amqp://app:s3/cr3t@mq:5672/x', 'cr3t'],
  ['token', 'https://x.io/cb?token=abcdef&b=1', 'abcdef'],
  ['url_parameter', 'https://x.io/blob?sv=1&sig=Zm9vYmFyYmF6', 'Zm9v'],
  ['token', 'https://x.io/?next=https%3A%2F%2Fy.io%2F%3Faccess_token%3Dabcdef%26z', 'abcdef'],
  ['password', '{"user":"bob","password":"hunter2"}', 'hunter2'],
  ['password', '{\\"password\\":\\"hunter2\\"}', 'hunter2'],
  ['password', '{"password":{"old":"hunter2"}}', 'hunter2'],
  ['pin', '{"pin":4711}', '4711'],
  ['password', 'password=hunter2', 'hunter2'],
  ['password', "passwd: 'hunter2 and more'", 'hunter2'],
  ['password', 'Server=db;Password=hunter2;Timeout=3', 'hunter2'],
  ['password', 'mysql --password hunter2 shop', 'hunter2'],
  ['password', '<password>hunter2</password>', 'hunter2'],
  ['cookie', 'Cookie: theme=dark; sid=hunter2', 'hunter2'],
  ['authorization', 'Authorization: Digest username=bob, response=hunter2', 'hunter2'],
];

const LOOK_ALIKES: readonly string[] = [
  'order 4111111111111112',
  '1234 5678 9012 3456',
  '550e8400-e29b-41d4-a716-446655440000',
  '4bf92f3577b34da6a3ce929d0e0e4736',
  'trace=4bf92f3577b34da6a3ce929d0e0e4736',
  'at 1763717520, 1763717520000, 1763717520000000 and 1763717520000000000',
  'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  '2026-11-21T09:32:00.000Z',
  '2026-11-21 09:32:00,123',
  '01.02.2026 10:11',
  '192.168.100.200:3000',
  '0.4111111111111111',
  'tokens_used=512 max_tokens: 1024',
  'token_count: 12',
  'secretary: bob',
  'author=ann pinned=yes',
  'missing bearer token',
  'basic authentication failed',
  'Unexpected token: }',
  'react@18.2.0 from npm',
  'http://localhost:3000/@scope/pkg',
  'risk-assessment-for-the-quarter-2026',
  'GET /orders/10203040 200 12ms',
  '978-3-16-148410-0',
  'DE00 0000 0000 0000 0000 00',
  'sha256:4111111111111111aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',
  'order-2026-000123-77',
];

describe('values', () => {
  test.each(SECRETS)('%s is found in %j', (kind: string, text: string, hidden?: string) => {
    const redactor = createRedactor();
    for (const around of [text, `call failed (${text}), retrying`, `a\n${text}\nb`, `한글 "${text}" é`]) {
      const once = redactor.redactString(around);
      expect(once).not.toContain(hidden ?? text);
      expect(once).not.toBe(around);
      expect(redactor.redactString(once)).toBe(once);
    }
    expect(Object.keys(redactor.counts())).not.toEqual([]);
    if (!['azure_key', 'slack_webhook'].includes(kind)) expect(redactor.counts()[kind]).toBeGreaterThan(0);
  });

  test.each(LOOK_ALIKES)('%j is let be', (text) => {
    const redactor = createRedactor();
    expect(redactor.redactString(text)).toBe(text);
    expect(redactor.counts()).toEqual({});
  });

  test('masks keep what helps and no more', () => {
    const redactor = createRedactor();
    expect(redactor.redactString('ann@example.com 123-45-6789 4111 1111 1111 1111')).toBe(
      '***@***.com ***-**-6789 ****1111',
    );
    expect(redactor.redactString('postgres://app:pw@db/shop')).toBe('postgres://***@db/shop');
  });

  test('cards given as numbers are found, measures and times are not', () => {
    const redactor = createRedactor();
    const event = { card: 4111111111111111, order: 4111111111111112, bytes: 4111111111111111, at: 1763717520000 };
    expect(redactor.redactEvent(event)).toEqual({ ...event, card: '****1111' });
  });

  test('a secret between arbitrary texts never leaks', () => {
    const redactor = createRedactor();
    const delimiter = fc.constantFrom(' ', '\n', '"', "'", ', ', ' (', '|', '; ');
    const text = fc.string({ unit: 'binary', maxLength: 60 });
    const secrets = SECRETS.filter(([kind]) => !['cookie', 'authorization'].includes(kind));
    fc.assert(
      fc.property(
        text,
        delimiter,
        fc.constantFrom(...secrets),
        delimiter,
        text,
        (before, open, secret, close, after) => {
          const [, written, hidden = written] = secret;
          fc.pre(!before.includes(hidden) && !after.includes(hidden));
          expect(redactor.redactString(before + open + written + close + after)).not.toContain(hidden);
        },
      ),
      { numRuns: 2000 },
    );
  });

  test('the work on a hostile string grows with its length, not with its square', () => {
    const redactor = createRedactor();
    const seeds = [
      '1',
      '1-',
      '4111 ',
      'a@',
      '@',
      'eyJ',
      'eyJ.',
      'a.',
      ':',
      'password=',
      'password="',
      '\\"',
      'a=',
      '://',
      'sk-',
      '%40',
      '-----BEGIN ',
      'Bearer ',
      'bearer\t',
      '--',
      '<password>',
      'DE89',
      '(1',
      '+1 ',
      'https://a:b',
      '{"password":{',
      'Q~',
      '==',
      'A',
      'aA1',
      ' ',
      '%3D',
      'é',
      'cookie: ',
      '1:AA',
    ];
    for (const seed of seeds) {
      const timeOf = (length: number): number => {
        const text = seed.repeat(Math.ceil(length / seed.length));
        let best = Number.POSITIVE_INFINITY;
        for (let run = 0; run < (length > 100_000 ? 1 : 3); run += 1) {
          const start = process.cpuUsage().user;
          redactor.redactString(text);
          best = Math.min(best, process.cpuUsage().user - start);
        }
        return best;
      };
      const small = timeOf(62_500);
      const large = timeOf(1_000_000);
      // sixteen times the length; quadratic work would be 256 times
      expect(large, seed).toBeLessThan(Math.max(small, 10_000) * 80);
    }
  }, 120_000);
});

describe('names', () => {
  const redactor = createRedactor();

  test.each([
    'password',
    'PASSWORD',
    'Pass-Word',
    'userPassword',
    'db_password2',
    'passwordHash',
    'passwd',
    'client.secret',
    'clientsecret',
    'secret',
    'api_key',
    'apiKey',
    'X-API-Key',
    'stripeApiKey',
    'aws_secret_access_key',
    'authorization',
    'headers.Authorization',
    'cookie',
    'set-cookie',
    'headers.Set-Cookie',
    'private_key',
    'privateKey',
    'cvv',
    'card.cvc2',
    'pin',
    'user.pin',
    'ssn',
    'access_token',
    'refreshToken',
    'csrf-token',
    'password.current',
    'items[].token',
    'cardNumber',
    'http.request.header.cookie',
    '비밀번호',
    'phone',
    'accountNumber',
  ])('%s is the name of a secret', (key) => {
    expect(redactor.decide(key).kind).toBeDefined();
  });

  test.each([
    'secretary',
    'pinned',
    'spinning',
    'author',
    'authority',
    'tokenizer',
    'token_count',
    'tokensUsed',
    'tokens.used',
    'token_type',
    'password_changed_at',
    'cookie.domain',
    'map.pin.colour',
    'monkey',
    'keyboard',
    'companion',
    'session.id',
    'user.id',
    'AccessTokenExpiresAt',
    'mobile_app',
    'authenticated',
    'key',
    'private_key_path',
    'shipping',
    'passed',
    'compass',
  ])('%s is not', (key) => {
    expect(redactor.decide(key).kind).toBeUndefined();
  });

  test('numbers under a plural are counts', () => {
    expect(redactor.redactEvent({ max_tokens: 512, tokens: 'a1', token: 512, 'gen_ai.usage.input_tokens': 9 })).toEqual(
      {
        max_tokens: 512,
        tokens: '[REDACTED]',
        token: '[REDACTED]',
        'gen_ai.usage.input_tokens': 9,
      },
    );
  });

  test('the text of a key can hold a secret', () => {
    expect(redactor.redactEvent({ 'visits.ann@example.com': 1 })).toEqual({ '***@***.com': 1 });
  });

  test('an event without secrets is the same object, and a second pass changes nothing', () => {
    const clean = { message: 'ok', items: [{ a: 1 }], steps: [] };
    expect(redactor.redactEvent(clean)).toBe(clean);
    const once = redactor.redactEvent({ a: [{ password: 'x', mail: 'ann@example.com' }], token: 't' });
    expect(once).toEqual({ a: [{ password: '[REDACTED]', mail: '***@***.com' }], token: '[REDACTED]' });
    expect(redactor.redactEvent(once)).toBe(once);
  });
});

describe('options', () => {
  test('paths reach any depth and into arrays', () => {
    const redactor = createRedactor({
      paths: ['user.*.note', '**.internal', 'items[*].sku', 'meta_*.x'],
      keep: ['ui.token'],
    });
    const event = {
      'user.home.note': 'a',
      'user.home.b.note': 'b',
      'a.b.internal.c': 1,
      items: [{ sku: 's', q: 1 }],
      'meta_a.x': 1,
      'ui.token': 'blue',
    };
    expect(redactor.redactEvent(event)).toEqual({
      'user.home.note': '[REDACTED]',
      'user.home.b.note': 'b',
      'a.b.internal.c': '[REDACTED]',
      items: [{ sku: '[REDACTED]', q: 1 }],
      'meta_a.x': '[REDACTED]',
      'ui.token': 'blue',
    });
    expect(() => createRedactor({ paths: ['items[0].card'] })).toThrow('[*]');
    expect(() => createRedactor({ paths: [''] })).toThrow('not a path');
  });

  test('keys of the user, whatever their case and separators', () => {
    const redactor = createRedactor({ keys: ['medical-record'] });
    expect(redactor.decide('patient.medicalRecord').kind).toBe('key');
    expect(redactor.redactString('medical_record=77')).toBe('medical_record=[REDACTED]');
    expect(() => createRedactor({ keys: ['--'] })).toThrow('"--"');
  });

  test('each action does what its name says', () => {
    const event = { password: 'x1', note: 'ann@example.com' };
    expect(createRedactor({ action: 'remove', valueAction: 'remove' }).redactEvent(event)).toEqual({ note: '' });
    expect(createRedactor({ action: 'mask', valueAction: 'replace' }).redactEvent(event)).toEqual({
      password: '***',
      note: '[REDACTED]',
    });
  });

  test('equal secrets have equal hashes, by key, and survive a second pass', () => {
    const hashing = createRedactor({ valueAction: 'hash', action: 'hash', hashKey: 'k1' });
    const a = hashing.redactString('4111 1111 1111 1111');
    expect(a).toMatch(/^hash:[0-9a-f]{32}$/);
    expect(hashing.redactString('4111111111111111')).toBe(a);
    expect(hashing.redactEvent({ x: 4111111111111111 })).toEqual({ x: a });
    expect(createRedactor({ valueAction: 'hash', hashKey: 'k2' }).redactString('4111111111111111')).not.toBe(a);
    const once = hashing.redactEvent({ password: 'x1' });
    expect(createRedactor().redactEvent(once)).toBe(once);
    expect(() => createRedactor({ action: 'hash' })).toThrow('hashKey');
  });

  test('own patterns are applied, and refused where they could backtrack', () => {
    const redactor = createRedactor({ patterns: [{ kind: 'employee', pattern: /\bEMP-\d{6}\b/, action: 'mask' }] });
    expect(redactor.redactString('by EMP-123456 today')).toBe('by *** today');
    expect(redactor.counts()).toEqual({ employee: 1 });
    for (const pattern of [/(a+)+$/, /(a|a)*b/, /\w+@corp/, /.*x.*y/, /a*a*b/, /([a-z]+)\1/, /(?=x)y/, /x*/, /\s+$/]) {
      expect(() => createRedactor({ patterns: [{ kind: 'bad', pattern }] }), String(pattern)).toThrow(String(pattern));
    }
    for (const pattern of [
      /\b\w+@corp/,
      /ID-\d+x/,
      /(?:\d{4}-){3}\d{4}/,
      /\d+/,
      /(?:foo|bar)_[a-z]{2,9}/i,
      /MRN[: ]?\d{6,10}/,
    ]) {
      expect(() => createRedactor({ patterns: [{ kind: 'good', pattern }] }), String(pattern)).not.toThrow();
    }
  });

  test('a secret that reaches over the wanted part of a text is not cut in the middle', () => {
    const redactor = createRedactor();
    const long = `${'x'.repeat(90)} eyJhbGciOiJIUzI1NiJ9.${'a1'.repeat(20_000)}.sig`;
    expect(redactor.redactString(long, 100)).toBe(`${'x'.repeat(90)} eyJ***`);
    const early = `${'ann@example.com '.repeat(3)}${' '.repeat(9000)}4111111111111111`;
    expect(redactor.redactString(early, 60)).toBe(`${'***@***.com '.repeat(3)}${' '.repeat(12)}`);
  });
});
