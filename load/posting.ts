/** Posts batches to a server, each until it is answered, and keeps how long each answer took. */
import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

export interface IngestReply {
  readonly accepted: number;
  readonly duplicates: number;
  readonly refused: readonly { readonly line: number; readonly reason: string }[];
}

export type Posted =
  | { readonly kind: 'answered'; readonly reply: IngestReply }
  | { readonly kind: 'busy'; readonly retryAfterMs: number }
  | { readonly kind: 'unreachable'; readonly reason: string };

export function createAgent(connections: number): Agent {
  return new Agent({ keepAlive: true, maxSockets: connections });
}

/** @throws Error for an answer that a second try would not change. */
export function post(agent: Agent, url: string, body: Buffer): Promise<Posted> {
  return new Promise((resolve, reject) => {
    const sent = request(
      `${url}/v1/events`,
      { agent, method: 'POST', headers: { 'content-type': 'application/x-ndjson', 'content-length': body.length } },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', (error) => resolve({ kind: 'unreachable', reason: error.message }));
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString('utf8');
          if (response.statusCode === 200) resolve({ kind: 'answered', reply: JSON.parse(text) as IngestReply });
          else if (response.statusCode === 503 || response.statusCode === 429) {
            resolve({ kind: 'busy', retryAfterMs: 1000 * Number(response.headers['retry-after'] ?? 1) });
          } else reject(new Error(`the server answered ${response.statusCode}: ${text.slice(0, 200)}`));
        });
      },
    );
    sent.on('error', (error) => resolve({ kind: 'unreachable', reason: error.message }));
    sent.end(body);
  });
}

/** Posts until it is answered; how often the server was too busy is told to `onBusy`. */
export async function postUntilAnswered(
  agent: Agent,
  url: string,
  body: Buffer,
  onBusy: () => void,
): Promise<IngestReply> {
  for (;;) {
    const posted = await post(agent, url, body);
    if (posted.kind === 'answered') return posted.reply;
    if (posted.kind === 'unreachable') throw new Error(`the server can't be reached: ${posted.reason}`);
    onBusy();
    await sleep(posted.retryAfterMs);
  }
}
