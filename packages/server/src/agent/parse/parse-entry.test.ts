import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseEntry } from './parse-entry.ts';
import type { Format } from './parsed-entry.ts';
import { FORMATS } from './parsed-entry.ts';

const NOW = Date.parse('2026-11-21T10:00:00Z');
const parse = (text: string, format: Format = 'auto') => {
  const { timestampMs, ...rest } = parseEntry(text, { format, zone: 'utc' }, NOW);
  return {
    ...rest,
    fields: { ...rest.fields },
    time: timestampMs === undefined ? undefined : new Date(timestampMs).toISOString(),
  };
};

describe('structured lines', () => {
  it('of pino', () => {
    const line =
      '{"level":50,"time":1763715600123,"pid":7,"hostname":"web1","name":"shop","reqId":"r-1","req":{"method":"GET","url":"/pay?id=4","remotePort":1},"res":{"statusCode":502},"responseTime":12.5,"err":{"type":"Error","message":"refused","stack":"Error: refused\\n    at pay"},"msg":"request failed"}';
    expect(parse(line)).toEqual({
      format: 'json',
      level: 'error',
      time: '2025-11-21T09:00:00.123Z',
      fields: {
        message: 'request failed',
        topic: 'shop',
        host: 'web1',
        method: 'GET',
        request_id: 'r-1',
        status: 502,
        duration_ms: 12.5,
        'url.path': '/pay',
        'url.query': 'id=4',
        'error.type': 'Error',
        'error.message': 'refused',
        'error.stack': 'Error: refused\n    at pay',
        pid: 7,
        req: { remotePort: 1 },
      },
    });
  });

  it('of winston, bunyan, zap, python-json-logger and ECS', () => {
    expect(
      parse('{"level":"warn","message":"slow","timestamp":"2026-11-21T09:32:00.000Z","took":"1.5s"}'),
    ).toMatchObject({
      level: 'warn',
      time: '2026-11-21T09:32:00.000Z',
      fields: { message: 'slow', duration_ms: 1500 },
    });
    expect(
      parse('{"name":"app","hostname":"h","pid":1,"level":40,"msg":"hm","time":"2026-11-21T09:32:00.100Z","v":0}'),
    ).toMatchObject({
      level: 'warn',
      fields: { topic: 'app', host: 'h', message: 'hm', v: 0 },
    });
    expect(parse('{"level":"info","ts":1763715600.25,"logger":"pay","caller":"a.go:3","msg":"ok"}')).toMatchObject({
      level: 'info',
      time: '2025-11-21T09:00:00.250Z',
      fields: { topic: 'pay', message: 'ok', caller: 'a.go:3' },
    });
    expect(
      parse('{"asctime":"2026-11-21 09:32:00,123","levelname":"CRITICAL","message":"down","exc_info":"Traceback"}'),
    ).toMatchObject({
      level: 'fatal',
      time: '2026-11-21T09:32:00.123Z',
      fields: { message: 'down', 'error.stack': 'Traceback' },
    });
    const ecs =
      '{"@timestamp":"2026-11-21T09:32:00Z","log.level":"error","message":"m","service":{"name":"shop"},"http":{"response":{"status_code":500}},"event":{"duration":2000000},"trace":{"id":"0af7651916cd43dd8448eb211c80319c"}}';
    expect(parse(ecs)).toMatchObject({
      level: 'error',
      fields: { service: 'shop', status: 500, duration_ms: 2, trace_id: '0af7651916cd43dd8448eb211c80319c' },
    });
  });

  it('within the file log of Docker', () => {
    const line = '{"log":"level=warn msg=\\"disk is full\\"\\n","stream":"stderr","time":"2026-11-21T09:32:00.5Z"}';
    expect(parse(line)).toEqual({
      format: 'logfmt',
      level: 'warn',
      time: '2026-11-21T09:32:00.500Z',
      fields: { message: 'disk is full', 'log.iostream': 'stderr' },
    });
  });

  it('of logfmt', () => {
    expect(
      parse('time="2026-11-21T09:32:00Z" level=error msg="it \\"broke\\"" attempt=3 id=007 cached path=/a?b=c'),
    ).toEqual({
      format: 'logfmt',
      level: 'error',
      time: '2026-11-21T09:32:00.000Z',
      fields: { message: 'it "broke"', attempt: 3, id: '007', cached: true, 'url.path': '/a', 'url.query': 'b=c' },
    });
    for (const prose of ['a=1', 'the sum a=1 b=2 is odd', 'x=1 y="open', 'k=v and then words=follow']) {
      expect(parse(prose).format).toBe('text');
    }
  });

  it('keep what falls on a name of the event but is not that thing', () => {
    expect(parse('{"status":"shipped","path":["a"],"duration":7,"level":"loud","__proto__":{"x":1}}').fields).toEqual({
      status: 'shipped',
      path: ['a'],
      duration: 7,
      level: 'loud',
      ...JSON.parse('{"__proto__":{"x":1}}'),
    });
  });
});

describe('lines of web servers', () => {
  it('in the common and the combined form', () => {
    expect(parse('203.0.113.9 - ann [21/Nov/2026:10:32:00 +0100] "POST /pay?card=1 HTTP/1.1" 503 -')).toEqual({
      format: 'common',
      level: 'error',
      time: '2026-11-21T09:32:00.000Z',
      fields: {
        message: 'POST /pay?card=1 HTTP/1.1',
        'client.address': '203.0.113.9',
        'user.id': 'ann',
        method: 'POST',
        'url.path': '/pay',
        'url.query': 'card=1',
        'network.protocol.version': '1.1',
        status: 503,
      },
    });
    const line = '::1 - - [21/Nov/2026:09:32:00 +0000] "GET / HTTP/2.0" 200 12 "-" "curl/8 \\"x\\"" rt=0.012';
    expect(parse(line)).toMatchObject({
      format: 'combined',
      level: 'info',
      fields: { 'user_agent.original': 'curl/8 \\"x\\"', 'http.response.body.size': 12, 'log.rest': 'rt=0.012' },
    });
    expect(parse('1.2.3.4 - - [21/Nov/2026:09:32:00 +0000] "\\x16\\x03" 400 0').fields).toMatchObject({
      status: 400,
      message: '\\x16\\x03',
    });
  });
});

describe('plain lines', () => {
  it('have the time and the level that stand in them, and all of their text', () => {
    expect(parse('2026-11-21 09:32:00,120 ERROR [main] paid')).toEqual({
      format: 'text',
      level: 'error',
      time: '2026-11-21T09:32:00.120Z',
      fields: { message: '2026-11-21 09:32:00,120 ERROR [main] paid' },
    });
    expect(parse('Nov 21 09:32:00 web1 sshd[3]: closed')).toMatchObject({ time: '2026-11-21T09:32:00.000Z' });
    expect(parse('Dec 31 23:59:59 web1 cron: ended')).toMatchObject({ time: '2025-12-31T23:59:59.000Z' });
    expect(parse('[2026-11-21T09:32:00+09:00] [warn] x')).toMatchObject({
      level: 'warn',
      time: '2026-11-21T00:32:00.000Z',
    });
    expect(parse('no terrors here')).toEqual({
      format: 'text',
      time: undefined,
      fields: { message: 'no terrors here' },
    });
  });

  it('have their stack apart', () => {
    expect(parse('ERROR pay failed\njava.io.IOException: reset\n\tat a.B.c(B.java:1)').fields).toEqual({
      message: 'ERROR pay failed',
      'error.type': 'java.io.IOException',
      'error.message': 'reset',
      'error.stack': 'java.io.IOException: reset\n\tat a.B.c(B.java:1)',
    });
    expect(parse('Traceback (most recent call last):\n  File "a.py"\nshop.CardError: refused')).toMatchObject({
      level: 'error',
      fields: {
        message: 'Traceback (most recent call last):',
        'error.type': 'shop.CardError',
        'error.message': 'refused',
      },
    });
    expect(parse('TypeError: no id\n    at pay (a.js:1:2)\n    at run (b.js:1:2)').fields).toMatchObject({
      'error.type': 'TypeError',
      'error.message': 'no id',
    });
    expect(parse('panic: out of range\n\ngoroutine 1 [running]:\nmain.main()')).toMatchObject({
      level: 'fatal',
      fields: { 'error.type': 'panic', 'error.message': 'out of range' },
    });
  });
});

describe('whatever comes', () => {
  const anything = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 300 }),
    fc.json(),
    fc
      .array(
        fc.constantFrom(
          'a=',
          '"',
          '\\',
          ' ',
          '[',
          ']',
          '{',
          '}',
          'Error:',
          '    at x',
          '\n',
          '2026-11-21T09:32:00Z',
          '- - [',
          '"GET / ',
          ' 200 ',
        ),
        { maxLength: 60 },
      )
      .map((parts) => parts.join('')),
  );

  it('is parsed without a fault, and its text is not lost', () => {
    fc.assert(
      fc.property(anything, fc.constantFrom(...FORMATS), (text, format) => {
        const parsed = parseEntry(text, { format, zone: 'local' }, NOW);
        if (parsed.format !== 'text') return;
        const { message, 'error.stack': stack } = parsed.fields;
        // Message and stack together are the entry.
        const told =
          typeof stack === 'string' ? text.endsWith(stack) && text.startsWith(String(message)) : message === text;
        expect(told).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });

  it('takes time in proportion to its length', () => {
    const pieces = [
      'a=',
      '"',
      '\\"',
      ' [',
      '] "',
      '(',
      '{"a":',
      '[',
      'Error',
      'a.',
      ' ',
      '\n    at x',
      'Exception in thread "',
      '2026-',
      '\0',
      'Caused by: ',
      'x=1 ',
    ];
    const longest = (length: number) =>
      Math.max(
        ...pieces.flatMap((piece) =>
          FORMATS.map((format) => {
            const text = piece.repeat(Math.ceil(length / piece.length));
            const start = process.cpuUsage().user;
            parseEntry(text, { format, zone: 'utc' }, NOW);
            return process.cpuUsage().user - start;
          }),
        ),
      );
    longest(20_000);
    // A quadratic parser takes minutes over this. The bound says only that none does.
    expect(longest(250_000)).toBeLessThan(5_000_000);
  });
});
