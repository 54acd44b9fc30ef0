/**
 * logfmt: `level=info msg="took a while" took=12ms cached`. Keys without spaces, values bare or in double quotes with the
 * escapes of JSON; a key without a value is true. One pass over the text, whatever it is.
 */

const MAX_PAIRS = 1024;

/**
 * The pairs of a line, `undefined` where it isn't logfmt: it begins with a word, two words stand in a row, a quote is open,
 * there are fewer than `leastPairs`.
 */
export function parseLogfmt(text: string, leastPairs: number): Record<string, unknown> | undefined {
  const fields: Record<string, unknown> = Object.create(null);
  let pairs = 0;
  let isAfterWord = true;
  let at = 0;
  while (at < text.length) {
    if (text[at] === ' ' || text[at] === '\t') {
      at += 1;
      continue;
    }
    const end = endOfKey(text, at);
    if (end === at || pairs >= MAX_PAIRS) return undefined;
    const key = text.slice(at, end);
    at = end;
    if (text[at] !== '=') {
      // Two words in a row are a sentence, and no flags.
      if (isAfterWord || !/^[A-Za-z][\w.-]*$/.test(key)) return undefined;
      isAfterWord = true;
      fields[key] = true;
      continue;
    }
    at += 1;
    isAfterWord = false;
    if (text[at] === '"') {
      const close = endOfQuoted(text, at);
      if (close < 0) return undefined;
      fields[key] = unquote(text.slice(at, close + 1));
      at = close + 1;
      if (at < text.length && text[at] !== ' ' && text[at] !== '\t') return undefined;
    } else {
      const stop = endOfBare(text, at);
      fields[key] = scalarOf(text.slice(at, stop));
      at = stop;
    }
    pairs += 1;
  }
  return pairs >= leastPairs ? fields : undefined;
}

function endOfKey(text: string, from: number): number {
  let at = from;
  while (at < text.length) {
    const code = text.charCodeAt(at);
    // A space, a control character, a quote or an equals sign ends it.
    if (code <= 0x20 || code === 0x22 || code === 0x3d) return at;
    at += 1;
  }
  return at;
}

function endOfBare(text: string, from: number): number {
  let at = from;
  while (at < text.length && text[at] !== ' ' && text[at] !== '\t') at += 1;
  return at;
}

function endOfQuoted(text: string, open: number): number {
  for (let at = open + 1; at < text.length; at += 1) {
    if (text[at] === '\\') at += 1;
    else if (text[at] === '"') return at;
  }
  return -1;
}

function unquote(quoted: string): string {
  if (!quoted.includes('\\')) return quoted.slice(1, -1);
  try {
    const value: unknown = JSON.parse(quoted);
    if (typeof value === 'string') return value;
  } catch {
    // An escape that JSON doesn't have: the text as it stands.
  }
  return quoted.slice(1, -1);
}

function scalarOf(text: string): unknown {
  if (text === 'true') return true;
  if (text === 'false') return false;
  // What doesn't come out as it went in (007, 1.10, twenty digits) is a name made of digits.
  if (/^-?\d{1,15}(?:\.\d{1,10})?$/.test(text)) {
    const number = Number(text);
    if (String(number) === text) return number;
  }
  return text;
}
