/** From the bytes of a broker's entry to a line, or to why it is none: anybody may write to a topic. */
import { isUtf8 } from 'node:buffer';

const LINE_FEED = 0x0a;
const OPENING_BRACE = 0x7b;

export interface EntryLine {
  readonly line: string;
  /** Why it can't be a line of an event or of the ledger. */
  readonly fault?: string;
}

export function readEntryLine(bytes: Buffer | null | undefined, maxLineBytes: number): EntryLine {
  if (bytes === null || bytes === undefined) return { line: '', fault: 'has no line in it' };
  const fault = faultOf(bytes, maxLineBytes);
  const line = bytes.toString('utf8');
  return fault === undefined ? { line } : { line, fault };
}

function faultOf(bytes: Buffer, maxLineBytes: number): string | undefined {
  if (bytes.length > maxLineBytes) return `has ${bytes.length} bytes; at most ${maxLineBytes} are read`;
  if (!isUtf8(bytes)) return 'is not UTF-8';
  if (bytes.includes(LINE_FEED)) return 'has a line feed in it';
  if (bytes[0] !== OPENING_BRACE) return 'is not a JSON object';
  return undefined;
}
