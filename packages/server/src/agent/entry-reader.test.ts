import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Multiline } from './continuation.ts';
import type { Entry } from './entry-assembler.ts';
import { EntryReader } from './entry-reader.ts';

function readAll(bytes: Buffer, cuts: readonly number[] = [], rule: Multiline = 'auto', maxBytes = 4096): Entry[] {
  const entries: Entry[] = [];
  const reader = new EntryReader(0, rule, maxBytes);
  let at = 0;
  for (const cut of [...cuts].sort((a, b) => a - b)) {
    reader.push(Buffer.from(bytes.subarray(at, cut)), (entry) => entries.push(entry));
    at = cut;
  }
  reader.push(Buffer.from(bytes.subarray(at)), (entry) => entries.push(entry));
  reader.endFile((entry) => entries.push(entry));
  return entries;
}

const texts = (text: string, rule: Multiline = 'auto'): string[] =>
  readAll(Buffer.from(text), [], rule).map((entry) => entry.text);

const PYTHON = `Traceback (most recent call last):
  File "shop.py", line 3, in pay
    charge()
ValueError: no card

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "shop.py", line 9, in <module>
    raise PaymentError("refused")
PaymentError: refused`;

const JAVA = `2026-11-21 09:32:00,120 ERROR [main] c.s.Shop - payment failed
java.lang.IllegalStateException: refused
\tat com.shop.Pay.run(Pay.java:12)
\tat com.shop.Main.main(Main.java:3)
Caused by: java.io.IOException: reset
\tat com.shop.Net.read(Net.java:77)
\t... 2 more`;

const NODE = `TypeError: Cannot read properties of undefined (reading 'id')
    at pay (/srv/shop/pay.js:3:12)
    at async run (/srv/shop/run.js:9:3) {
  code: 'NO_ID'
}`;

const GO = `panic: runtime error: index out of range [3] with length 3

goroutine 1 [running]:
main.pay(...)
\t/srv/shop/main.go:12
main.main()
\t/srv/shop/main.go:20 +0x1d
exit status 2`;

describe('entries', () => {
  it('are single lines, and stacks with what belongs to them', () => {
    for (const stack of [PYTHON, JAVA, NODE, GO]) {
      expect(texts(`starting\n${stack}\nnext line\n`)).toEqual(['starting', stack, 'next line']);
    }
    expect(texts(`ERROR:root:payment failed\n${PYTHON}\n{"level":30}\n  {"level":40}\n`)).toEqual([
      `ERROR:root:payment failed\n${PYTHON}`,
      '{"level":30}',
      '  {"level":40}',
    ]);
  });

  it('follow the pattern of an input where it has one', () => {
    const text = '#1 a\nb\n\nc\n#2 d\n';
    expect(texts(text, /^#\d/)).toEqual(['#1 a\nb\n\nc', '#2 d']);
    expect(texts(text, 'off')).toEqual(['#1 a', 'b', 'c', '#2 d']);
  });

  it('are cut at the bound, and say how much is missing', () => {
    const [long, next] = readAll(Buffer.from(`${'x'.repeat(100_000)}\nnext\n`), [50, 70_000], 'auto', 1024);
    expect(long).toMatchObject({ text: 'x'.repeat(1024), cutBytes: 100_000 - 1024, start: 0, end: 100_001 });
    expect(next).toMatchObject({ text: 'next', cutBytes: 0 });
  });

  it('survive bytes that are no text', () => {
    const bytes = Buffer.concat([
      Buffer.from('\uFEFFfirst\r\n'),
      Buffer.alloc(5000),
      Buffer.from([0x61, 0xff, 0, 0x62, 10]),
    ]);
    expect(readAll(bytes)).toMatchObject([
      { text: 'first', isMended: false },
      { text: 'a\uFFFD\uFFFDb', isMended: true },
    ]);
  });

  it('lie side by side in the file, and tell all of it but blank lines', () => {
    fc.assert(
      fc.property(linesOfLogs(), (bytes) => {
        const entries = readAll(bytes);
        let end = 0;
        for (const entry of entries) {
          expect(entry.start).toBeGreaterThanOrEqual(end);
          expect(entry.end).toBeGreaterThan(entry.start);
          expect(bytes.subarray(end, entry.start).toString().replaceAll('\0', '').trim()).toBe('');
          end = entry.end;
        }
        expect(bytes.subarray(end).toString().replaceAll('\0', '').trim()).toBe('');
      }),
    );
  });

  it('are the same however the bytes are cut into pieces', () => {
    const rule = fc.constantFrom<Multiline>('auto', 'off', /^\S/);
    fc.assert(
      fc.property(
        linesOfLogs(),
        fc.array(fc.nat(2000), { maxLength: 30 }),
        rule,
        fc.constantFrom(16, 64, 4096),
        (bytes, cuts, by, max) => {
          const within = cuts.filter((cut) => cut <= bytes.length);
          expect(readAll(bytes, within, by, max)).toEqual(readAll(bytes, [], by, max));
        },
      ),
      { numRuns: 500 },
    );
  });

  it('come out alike where reading begins anew at any entry', () => {
    fc.assert(
      fc.property(linesOfLogs(), fc.nat(), (bytes, pick) => {
        const entries = readAll(bytes);
        const from = entries[pick % Math.max(1, entries.length)];
        if (from === undefined) return;
        const reader = new EntryReader(from.start, 'auto', 4096);
        const again: Entry[] = [];
        reader.push(bytes.subarray(from.start), (entry) => again.push(entry));
        reader.endFile((entry) => again.push(entry));
        expect(again).toEqual(entries.slice(entries.indexOf(from)));
      }),
    );
  });
});

/** Files made of what is found in logs, and of bytes that are found nowhere. */
function linesOfLogs() {
  const piece = fc.oneof(
    fc.constantFrom(
      ...[PYTHON, JAVA, NODE, GO].flatMap((stack) => [stack, ...stack.split('\n')]),
      '',
      '  indented',
      '}',
    ),
    fc.constantFrom('{"level":30,"msg":"paid"}', 'level=info msg=paid', '2026-11-21T09:32:00Z INFO paid'),
    fc.string({ unit: 'grapheme' }),
  );
  const bytes = fc.oneof(
    { weight: 5, arbitrary: piece.map((text) => Buffer.from(text)) },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 40 }).map((array) => Buffer.from(array)) },
  );
  return fc
    .array(fc.tuple(bytes, fc.constantFrom('\n', '\r\n', '\n\n', '')), { maxLength: 25 })
    .map((lines) => Buffer.concat(lines.flatMap(([line, end]) => [line, Buffer.from(end)])));
}
