/**
 * The log of web servers: `%h %l %u %t "%r" %>s %b`, and with `"%{Referer}i" "%{User-agent}i"` the combined form (Apache
 * HTTP Server, mod_log_config). What some servers write behind it is kept under `log.rest`.
 */
import type { ParsedEntry } from './parsed-entry.ts';
import { clfTime } from './times.ts';

const METHOD = /^[A-Z]{1,20}$/;

export function parseHttpLog(text: string, isCombined: boolean | undefined): ParsedEntry | undefined {
  const open = text.indexOf(' [');
  if (open <= 0 || open > 1024) return undefined;
  const close = text.indexOf('] "', open);
  if (close < 0 || close - open > 40) return undefined;
  const timestampMs = clfTime(text.slice(open + 2, close));
  const [client, ident, ...user] = text.slice(0, open).split(' ');
  if (timestampMs === undefined || client === undefined || ident === undefined || user.length === 0) return undefined;
  const request = readQuoted(text, close + 2);
  const numbers =
    request === undefined ? null : /^ (\d{3}) (\d{1,15}|-)(?= |$)/.exec(text.slice(request.end, request.end + 24));
  if (request === undefined || numbers === null) return undefined;

  let rest = request.end + numbers[0].length;
  const fields: Record<string, unknown> = {
    'client.address': client,
    status: Number(numbers[1]),
    ...readRequest(request.text),
  };
  if (numbers[2] !== '-') fields['http.response.body.size'] = Number(numbers[2]);
  const name = user.join(' ');
  if (name !== '-' && name !== '""') fields['user.id'] = name;
  if (isCombined !== false) {
    const referer = text[rest] === ' ' ? readQuoted(text, rest + 1) : undefined;
    const agent = referer !== undefined && text[referer.end] === ' ' ? readQuoted(text, referer.end + 1) : undefined;
    if (referer !== undefined && agent !== undefined) {
      if (referer.text !== '-' && referer.text !== '') fields['http.request.header.referer'] = referer.text;
      if (agent.text !== '-' && agent.text !== '') fields['user_agent.original'] = agent.text;
      rest = agent.end;
    } else if (isCombined === true) {
      return undefined;
    }
  }
  const more = text.slice(rest).trim();
  if (more !== '') fields['log.rest'] = more;
  return { timestampMs, level: levelOfStatus(Number(numbers[1])), fields };
}

function levelOfStatus(status: number): 'info' | 'warn' | 'error' {
  return status >= 500 ? 'error' : status >= 400 ? 'warn' : 'info';
}

function readRequest(request: string): Record<string, unknown> {
  const fields: Record<string, unknown> = { message: request };
  const [method, target, protocol] = request.split(' ');
  if (method === undefined || target === undefined || !METHOD.test(method)) return fields;
  fields.method = method;
  const query = target.indexOf('?');
  fields['url.path'] = query < 0 ? target : target.slice(0, query);
  if (query >= 0) fields['url.query'] = target.slice(query + 1);
  if (protocol?.startsWith('HTTP/')) fields['network.protocol.version'] = protocol.slice('HTTP/'.length);
  return fields;
}

/** The text between the quote at `at` and the next one that isn't escaped. */
function readQuoted(text: string, at: number): { readonly text: string; readonly end: number } | undefined {
  if (text[at] !== '"') return undefined;
  for (let i = at + 1; i < text.length; i += 1) {
    if (text[i] === '\\') i += 1;
    else if (text[i] === '"') return { text: text.slice(at + 1, i), end: i + 1 };
  }
  return undefined;
}
