/** Reads server-sent events from a stream of text (HTML Standard, section 9.2.6), as far as the live tail uses them. */

export interface SseMessage {
  readonly event: string;
  readonly data: string;
}

/** Returns a function that takes the text as it arrives, in pieces of any size. */
export function createSseReader(onMessage: (message: SseMessage) => void): (text: string) => void {
  let rest = '';
  let event = '';
  let data: string[] = [];
  const readLine = (line: string) => {
    if (line === '') {
      if (data.length > 0) onMessage({ event: event || 'message', data: data.join('\n') });
      event = '';
      data = [];
      return;
    }
    const colon = line.indexOf(':');
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (field === 'event') event = value;
    else if (field === 'data') data.push(value);
  };
  return (text) => {
    rest += text;
    // A carriage return at the very end may be half of a line end.
    const held = rest.endsWith('\r') ? 1 : 0;
    const lines = rest.slice(0, rest.length - held).split(/\r\n|\r|\n/);
    rest = (lines.pop() ?? '') + (held ? '\r' : '');
    for (const line of lines) readLine(line);
  };
}
