/** What the producers log: events that a judge can check by themselves, with secrets in the places where people leave them. */
import { createHash } from 'node:crypto';

export const SERVICE = 'faults-producer';
/** Stands in each planted secret, and nowhere else. */
export const MARK = 'plantedQ7x';
/** A test number of a card company, in two spellings. */
const CARD = '4111111111111111';
const SPACED_CARD = '5500 0000 0000 0004';

/** None of these may be found in any file. */
export const FORBIDDEN: readonly string[] = [MARK, CARD, SPACED_CARD];

const CHECK_LETTERS = 8;

/** The request id of a producer's n-th event; nobody else can make it. In letters, or it might look like a card. */
export function requestIdOf(producer: string, n: number): string {
  const hash = createHash('sha256').update(`${producer} ${n}`).digest().subarray(0, CHECK_LETTERS);
  return `${n}-${String.fromCharCode(...hash.map((byte) => 0x61 + (byte % 26)))}`;
}

/** The number in a request id, where it is the right one for that producer. */
export function readRequestId(producer: string, requestId: string): number | undefined {
  const n = Number(requestId.slice(0, requestId.indexOf('-')));
  return Number.isSafeInteger(n) && requestIdOf(producer, n) === requestId ? n : undefined;
}

/** Fields with a secret in the key's value, in a nested key, in a text, in a URL and in a header. */
export function plantedFields(n: number) {
  const secret = `${MARK}${n}`;
  return {
    password: secret,
    payment: { card: { cardNumber: CARD, cvv: '123' }, note: `paid with ${SPACED_CARD}` },
    headers: { authorization: `Bearer ${secret}`, accept: 'application/json' },
    callback: `https://user:${secret}@example.com/hook?token=${secret}&n=${n}`,
    filler: 'x'.repeat((n * 37) % 400),
  };
}

export function plantedError(n: number): Error {
  return new Error(`the gateway said no: password=${MARK}${n}`);
}
