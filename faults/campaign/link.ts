/**
 * The link between the producers and the server: an HTTP proxy that misbehaves when it is told to.
 *
 * It passes each request on whole, and gives the answer back whole; in between it can refuse the connection, cut it while
 * the body comes in, hold the body back, let it through in drops, pass it on and lose the answer (so that the sender must
 * send again what the server has), or answer by itself. It keeps count of all that, and reads in the server's own
 * answers how many events had been there before: doubles on the wire.
 */
import { once } from 'node:events';
import { Agent, createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LinkStepKind } from './schedule.ts';

export type Trouble = LinkStepKind | 'none';

export interface LinkCounts {
  /** Requests that were passed on and answered. */
  passed: number;
  /** Requests that were spoiled, by what was done to them. */
  readonly spoiled: Record<LinkStepKind, number>;
  /** Requests that the server was not there for, or did not answer. */
  unreachable: number;
  /** Events that the server said it had already. */
  duplicates: number;
  /** Requests that came after one of the above: somebody tried again. */
  retries: number;
}

const THROTTLED_BYTES = 2_048;
const THROTTLE_MS = 100;
const DELAY_MS = 700;
const UPSTREAM_TIMEOUT_MS = 30_000;

export class Link {
  trouble: Trouble = 'none';
  readonly counts: LinkCounts = {
    passed: 0,
    spoiled: {
      cut: 0,
      refuse: 0,
      delay: 0,
      throttle: 0,
      'lose-answers': 0,
      'answer-503': 0,
      'answer-429': 0,
      'answer-garbage': 0,
    },
    unreachable: 0,
    duplicates: 0,
    retries: 0,
  };
  readonly url: string;
  readonly #server: Server;
  readonly #upstream: string;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 32 });
  readonly #sockets = new Set<Socket>();
  #lastFailed = false;

  private constructor(server: Server, port: number, upstream: string) {
    this.#server = server;
    this.#upstream = upstream;
    this.url = `http://127.0.0.1:${port}`;
    server.on('connection', (socket) => {
      if (this.trouble === 'refuse') {
        this.#spoil('refuse');
        socket.resetAndDestroy();
        return;
      }
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
    server.on('request', (incoming, response) => {
      // A broken connection is what this is for.
      this.#take(incoming, response).catch(() => incoming.socket.destroy());
    });
  }

  /** @param upstream - where requests are passed on to: `http://127.0.0.1:7300` */
  static async open(upstream: string): Promise<Link> {
    const server = createServer({ keepAliveTimeout: 60_000 });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('the link has no port');
    return new Link(server, address.port, upstream);
  }

  /** From now on requests fare like this; connections that are open are reset where that belongs to it. */
  begin(trouble: Trouble): void {
    this.trouble = trouble;
    if (trouble === 'refuse') for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
    this.#agent.destroy();
  }

  async #take(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const { trouble } = this;
    if (this.#lastFailed) this.counts.retries += 1;
    this.#lastFailed = false;
    if (trouble === 'refuse' || trouble === 'cut') {
      this.#spoil(trouble);
      // In the middle of the body, where there is one.
      if (trouble === 'cut') await once(incoming, 'data', { signal: AbortSignal.timeout(1_000) }).catch(() => {});
      incoming.socket.resetAndDestroy();
      return;
    }
    if (trouble === 'throttle') this.#spoil(trouble);
    const body = await readBody(incoming, trouble === 'throttle');
    if (trouble === 'delay') {
      this.#spoil(trouble);
      await sleep(DELAY_MS);
    }
    if (trouble === 'answer-503' || trouble === 'answer-429' || trouble === 'answer-garbage') {
      this.#spoil(trouble);
      this.#answerItself(trouble, response);
      return;
    }
    const answer = await this.#pass(incoming, body);
    if (trouble === 'lose-answers') {
      this.#spoil(trouble);
      incoming.socket.resetAndDestroy();
      return;
    }
    if (answer === undefined) {
      this.#lastFailed = true;
      this.counts.unreachable += 1;
      incoming.socket.destroy();
      return;
    }
    this.counts.passed += 1;
    this.counts.duplicates += duplicatesIn(answer.text);
    response.writeHead(answer.status, answer.headers);
    response.end(answer.text);
  }

  #spoil(trouble: LinkStepKind): void {
    this.counts.spoiled[trouble] += 1;
    this.#lastFailed = true;
  }

  #answerItself(trouble: 'answer-503' | 'answer-429' | 'answer-garbage', response: ServerResponse): void {
    if (trouble === 'answer-503') response.writeHead(503).end('upstream connect error');
    else if (trouble === 'answer-429') response.writeHead(429, { 'retry-after': '1' }).end();
    else response.writeHead(200, { 'content-type': 'application/json' }).end('{"accepted":1e9,"dupl\u0000');
  }

  #pass(incoming: IncomingMessage, body: Buffer): Promise<Answer | undefined> {
    return new Promise((resolve) => {
      const onward = request(`${this.#upstream}${incoming.url ?? '/'}`, {
        method: incoming.method ?? 'GET',
        headers: incoming.headers,
        agent: this.#agent,
        timeout: UPSTREAM_TIMEOUT_MS,
      });
      onward.on('timeout', () => onward.destroy(new Error('the server does not answer')));
      onward.on('error', () => resolve(undefined));
      onward.on('response', (response) => {
        readBody(response, false).then(
          (bytes) => {
            const { 'content-type': type = 'text/plain', 'retry-after': after } = response.headers;
            resolve({
              status: response.statusCode ?? 502,
              headers: { 'content-type': type, ...(after !== undefined && { 'retry-after': after }) },
              text: bytes.toString(),
            });
          },
          () => resolve(undefined),
        );
      });
      onward.end(body);
    });
  }
}

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
}

async function readBody(incoming: IncomingMessage, isSlow: boolean): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) {
    if (!Buffer.isBuffer(chunk)) continue;
    chunks.push(chunk);
    if (isSlow) await sleep(Math.min(2_000, (chunk.length / THROTTLED_BYTES) * THROTTLE_MS));
  }
  return Buffer.concat(chunks);
}

function duplicatesIn(answer: string): number {
  return Number(/"duplicates":(\d+)/.exec(answer)?.[1] ?? 0);
}
