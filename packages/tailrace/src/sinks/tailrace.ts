/**
 * The sink to a Tailrace server: `POST <url>/v1/events`, with the spooled bytes as they are.
 *
 * What the server answers decides (`readOutcome`). The counts of a 200 must add up to the lines that were sent, else
 * nothing of it is believed and the batch goes again: the server drops what it has already. A wrong key or address (401,
 * 403, 404) is a mistake that somebody will mend, so the events wait for that.
 */
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { Batch, Sink, SinkContext, SinkOutcome } from '../delivery/sink.ts';
import { sendHalves } from './send-halves.ts';
import { readSinkOptions } from './sink-options.ts';

/** How long events wait for a wrong key or address to be mended before they are tried again. */
const MISCONFIGURED_AFTER_MS = 60_000;
/** An answer larger than this isn't one of a Tailrace server. */
const MAX_ANSWER_BYTES = 4 << 20;

const compress = promisify(gzip);

/** @throws TypeError where the options hold no address that can be called. */
export function createSink(given: unknown, context: SinkContext): Sink {
  const options = readSinkOptions('tailrace', given, {
    url: 'string',
    key: 'string',
    gzipFromBytes: 'number',
    name: 'string',
  });
  const target = eventsUrl(options.url);
  const agentOptions = { keepAlive: true, maxSockets: 8, scheduling: 'lifo' } as const;
  const agent = target.protocol === 'https:' ? new HttpsAgent(agentOptions) : new HttpAgent(agentOptions);
  const gzipFromBytes = options.gzipFromBytes ?? 1024;

  async function post(batch: Batch, signal: AbortSignal): Promise<Answer> {
    const isCompressed = batch.body.length >= gzipFromBytes;
    const body = isCompressed ? await compress(batch.body, { level: 1 }) : batch.body;
    const headers: Record<string, string | number> = {
      'content-type': 'application/x-ndjson',
      'content-length': body.length,
      ...(isCompressed && { 'content-encoding': 'gzip' }),
      ...(options.key !== undefined && { authorization: `Bearer ${options.key}` }),
    };
    const ask = () => exchange(target, { agent, headers, body, signal });
    try {
      return await ask();
    } catch (error) {
      // The server closed a kept connection just as it was used again: nothing is wrong, a new one will do.
      if (error instanceof StaleConnectionError && !signal.aborted) return ask();
      throw error;
    }
  }

  async function send(batch: Batch, signal: AbortSignal): Promise<SinkOutcome> {
    let answer: Answer;
    try {
      answer = await post(batch, signal);
    } catch (error) {
      return { kind: 'retry', reason: `${target.origin}: ${error instanceof Error ? error.message : String(error)}` };
    }
    if (answer.status === 413 && batch.lines.length > 1) return sendHalves(batch, signal, send);
    const outcome = readOutcome(answer, batch.lines.length);
    if (outcome.notice !== undefined) context.notice(outcome.notice, `${target.href}: ${outcome.reason ?? ''}`);
    return outcome.outcome;
  }

  return {
    name: options.name ?? 'tailrace',
    takesLedger: true,
    send,
    close: () => {
      agent.destroy();
      return Promise.resolve();
    },
  };
}

function eventsUrl(url: string | undefined): URL {
  let target: URL;
  try {
    target = new URL(url ?? '');
  } catch {
    throw new TypeError(
      `the address of the Tailrace server is not a URL: ${JSON.stringify(url)}; give one such as http://127.0.0.1:7300`,
    );
  }
  if (target.protocol !== 'http:' && target.protocol !== 'https:') {
    throw new TypeError(
      `the address of the Tailrace server must begin with http:// or https://: ${JSON.stringify(url)}`,
    );
  }
  target.pathname = `${target.pathname.replace(/\/+$/, '')}/v1/events`;
  return target;
}

interface Answer {
  readonly status: number;
  readonly retryAfter: string | undefined;
  readonly text: string;
}

/** A kept connection that was closed before it carried an answer. */
class StaleConnectionError extends Error {}

function exchange(
  target: URL,
  call: {
    readonly agent: HttpAgent | HttpsAgent;
    readonly headers: Record<string, string | number>;
    readonly body: Buffer;
    readonly signal: AbortSignal;
  },
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const start = target.protocol === 'https:' ? httpsRequest : httpRequest;
    const request = start(target, { method: 'POST', agent: call.agent, headers: call.headers, signal: call.signal });
    request.on('response', (response) => {
      readText(response).then(
        (text) => resolve({ status: response.statusCode ?? 0, retryAfter: response.headers['retry-after'], text }),
        reject,
      );
    });
    request.on('error', (error: NodeJS.ErrnoException) => {
      const isStale = request.reusedSocket && (error.code === 'ECONNRESET' || error.code === 'EPIPE');
      reject(isStale ? new StaleConnectionError(error.message) : error);
    });
    request.end(call.body);
  });
}

async function readText(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response) {
    if (!Buffer.isBuffer(chunk)) continue;
    bytes += chunk.length;
    if (bytes > MAX_ANSWER_BYTES) throw new Error(`the answer is longer than ${MAX_ANSWER_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

interface Reading {
  readonly outcome: SinkOutcome;
  /** Code of a notice that a person should see, and what it is about. */
  readonly notice?: string;
  readonly reason?: string;
}

function readOutcome(answer: Answer, lines: number): Reading {
  const { status } = answer;
  const said = answer.text.slice(0, 300);
  if (status === 200 || status === 202) return readCounts(answer.text, lines);
  if (status === 400 || status === 413 || status === 422) {
    return { outcome: { kind: 'refused', reason: `the server answered ${status}: ${said}` } };
  }
  if (status === 401 || status === 403 || status === 404) {
    const reason =
      status === 404
        ? 'the server answered 404: is this the address of a Tailrace server? Events wait in the spool'
        : `the server answered ${status}: is the ingest key right (TAILRACE_INGEST_KEY)? Events wait in the spool`;
    return {
      outcome: { kind: 'retry', reason, afterMs: MISCONFIGURED_AFTER_MS },
      notice: 'server_refuses_access',
      reason,
    };
  }
  const afterMs = retryAfterMs(answer.retryAfter);
  return {
    outcome: {
      kind: 'retry',
      reason: `the server answered ${status}: ${said}`,
      ...(afterMs !== undefined && { afterMs }),
    },
  };
}

function readCounts(text: string, lines: number): Reading {
  const counts = parseCounts(text);
  if (counts === undefined) {
    const reason = `the answer is not that of a Tailrace server: ${text.slice(0, 300)}`;
    return {
      outcome: { kind: 'retry', reason },
      notice: 'server_answer_unreadable',
      reason: 'the answer is not that of a Tailrace server',
    };
  }
  const { accepted, duplicates, refused } = counts;
  const isInRange = refused.every(({ index }) => index >= 0 && index < lines);
  if (accepted + duplicates + refused.length !== lines || !isInRange) {
    const reason =
      `sent ${lines} lines, and the server counted ${accepted} accepted, ${duplicates} duplicates and ${refused.length} refused: ` +
      'the batch is sent again';
    return {
      outcome: { kind: 'retry', reason },
      notice: 'server_counts_differ',
      reason: 'the counts in its answer do not add up to the lines sent',
    };
  }
  if (refused.length === 0) return { outcome: { kind: 'delivered', duplicates } };
  return { outcome: { kind: 'partial', refused, retry: [], duplicates } };
}

interface Counts {
  readonly accepted: number;
  readonly duplicates: number;
  readonly refused: readonly { readonly index: number; readonly reason: string }[];
}

function parseCounts(text: string): Counts | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { accepted, duplicates, refused }: Readonly<Record<string, unknown>> = { ...value };
  if (typeof accepted !== 'number' || typeof duplicates !== 'number' || !Array.isArray(refused)) return undefined;
  const lines: { index: number; reason: string }[] = [];
  for (const entry of refused) {
    // The server counts lines from 1, as editors do.
    if (typeof entry?.line !== 'number') return undefined;
    lines.push({ index: entry.line - 1, reason: String(entry.reason) });
  }
  return { accepted, duplicates, refused: lines };
}

/** `Retry-After` in seconds or as a date (RFC 9110, section 10.2.3). */
function retryAfterMs(header: string | undefined): number | undefined {
  if (header === undefined) return undefined;
  if (/^\d{1,9}$/.test(header)) return Number(header) * 1000;
  const at = Date.parse(header);
  return Number.isNaN(at) ? undefined : Math.max(0, at - Date.now());
}
