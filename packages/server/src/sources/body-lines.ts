/**
 * A body's bytes → its events, one by one: NDJSON by line, a JSON array by element. What can't be read is handed on with
 * its number and the reason, and never stops the rest.
 */
import { isUtf8 } from 'node:buffer';
import { HttpError } from '../api/http-error.ts';

/** One line or element of a body, numbered from 1. */
export type BodyItem =
  | { readonly kind: 'value'; readonly number: number; readonly value: unknown; readonly bytes: number }
  | { readonly kind: 'refused'; readonly number: number; readonly reason: string; readonly raw: string };

/** What is kept of a line that is too long to be kept. */
const RAW_START = 1024;
const LINE_FEED = 0x0a;
const OPENING_BRACKET = 0x5b;

/**
 * Decides by the content type, and without one by the first byte, whether a body is an array.
 *
 * @throws HttpError 415 for a type that is neither.
 */
export function isJsonArray(contentType: string | undefined, body: Buffer): boolean {
  const type = contentType?.split(';')[0]?.trim().toLowerCase() ?? '';
  switch (type) {
    case 'application/x-ndjson':
    case 'application/ndjson':
    case 'application/jsonl':
    case 'application/x-jsonlines':
      return false;
    case '':
    case 'application/json':
    case 'application/octet-stream':
      return body[startOf(body)] === OPENING_BRACKET;
    default:
      throw new HttpError(
        415,
        'TYPE_UNSUPPORTED',
        `Content-Type ${JSON.stringify(type)} is not accepted: send application/x-ndjson, or application/json`,
      );
  }
}

/** Yields the items of a body. @throws HttpError 400 where an array can't be read at all. */
export function* bodyItems(body: Buffer, isArray: boolean, maxLineBytes: number): Generator<BodyItem> {
  if (isArray) yield* arrayItems(body);
  else yield* lineItems(body, maxLineBytes);
}

function* lineItems(body: Buffer, maxLineBytes: number): Generator<BodyItem> {
  const allUtf8 = isUtf8(body);
  let number = 0;
  for (let start = startOf(body); start < body.length; ) {
    const feed = body.indexOf(LINE_FEED, start);
    const end = feed === -1 ? body.length : feed;
    number += 1;
    const line = body.subarray(start, end);
    start = end + 1;
    if (line.length > maxLineBytes) {
      const reason = `has ${line.length} bytes; at most ${maxLineBytes} are accepted`;
      yield { kind: 'refused', number, reason, raw: line.toString('utf8', 0, RAW_START) };
    } else if (!allUtf8 && !isUtf8(line)) {
      yield { kind: 'refused', number, reason: 'is not valid UTF-8', raw: line.toString('latin1') };
    } else {
      const text = line.toString('utf8');
      if (text.trim() === '') continue;
      yield parseLine(text, number, line.length);
    }
  }
}

function parseLine(text: string, number: number, bytes: number): BodyItem {
  try {
    return { kind: 'value', number, value: JSON.parse(text), bytes };
  } catch (error) {
    return { kind: 'refused', number, reason: `is not JSON: ${parseFault(error)}`, raw: text };
  }
}

function* arrayItems(body: Buffer): Generator<BodyItem> {
  if (!isUtf8(body)) throw new HttpError(400, 'BODY_UNREADABLE', 'the JSON array is not valid UTF-8');
  let items: unknown;
  try {
    items = JSON.parse(body.toString('utf8', startOf(body)));
  } catch (error) {
    throw new HttpError(400, 'BODY_UNREADABLE', `the JSON array can't be read: ${parseFault(error)}`);
  }
  if (!Array.isArray(items)) throw new HttpError(400, 'BODY_UNREADABLE', 'the body is neither NDJSON nor a JSON array');
  for (const [index, value] of items.entries()) yield { kind: 'value', number: index + 1, value, bytes: 0 };
}

/** Where the engine found the fault, without the piece of the text that it quotes: that may be a secret. */
function parseFault(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const place = / at position \d+/.exec(message)?.[0];
  if (place !== undefined) return `unexpected character${place}`;
  return message.startsWith('Unexpected end') ? 'it ends too early' : 'it has a fault';
}

/** Skips a byte order mark and white space that some programs put in front. */
function startOf(body: Buffer): number {
  let start = body[0] === 0xef && body[1] === 0xbb && body[2] === 0xbf ? 3 : 0;
  while (body[start] === 0x20 || body[start] === 0x09 || body[start] === 0x0d) start += 1;
  return start;
}
