import { expect, test } from 'vitest';
import { nameMember } from './member-name.ts';

function text(value: string | undefined): Buffer {
  const bytes = Buffer.from(value ?? '');
  const length = Buffer.alloc(2);
  length.writeInt16BE(value === undefined ? -1 : bytes.length);
  return Buffer.concat([length, bytes]);
}

function request(apiKey: number, version: number, ...body: readonly Buffer[]): Buffer {
  const head = Buffer.alloc(12);
  head.writeInt16BE(apiKey, 4);
  head.writeInt16BE(version, 6);
  head.writeInt32BE(77, 8);
  const whole = Buffer.concat([head, text('tailrace'), ...body]);
  whole.writeInt32BE(whole.length - 4);
  return whole;
}

const group = text('writers');
const rest = Buffer.from('the rest of it');

test.each([
  ['JoinGroup', 11, 5, Buffer.alloc(8, 1)],
  ['Heartbeat', 12, 3, Buffer.alloc(4, 1)],
  ['SyncGroup', 14, 3, Buffer.alloc(4, 1)],
])('%s carries the name where the client leaves it empty', (_, apiKey, version, numbers) => {
  for (const member of ['', 'tailrace-1b2c']) {
    const of = (name: string | undefined) => request(apiKey, version, group, numbers, text(member), text(name), rest);
    expect(nameMember(of(undefined), 'shop-1')).toEqual(of('shop-1'));
    expect(nameMember(of('another'), 'shop-1')).toEqual(of('another'));
  }
});

test('all else passes as it is: other requests, older versions, what is too short', () => {
  const body = [group, Buffer.alloc(4, 1), text('member'), text(undefined), rest];
  const others = [request(1, 11, ...body), request(12, 2, ...body), request(12, 4, ...body), request(12, 3, group)];
  for (const other of [...others, request(12, 3), Buffer.from('no request'), Buffer.alloc(0)]) {
    expect(nameMember(other, 'shop-1')).toBe(other);
  }
});
