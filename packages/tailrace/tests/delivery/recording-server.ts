/** A small HTTP server that takes events as a Tailrace server does, writes down what it got, and misbehaves on demand. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { gunzipSync } from 'node:zlib';

export interface RecordingServer {
  readonly url: string;
  /** Lines of the batches that were answered as taken, in the order of arrival. */
  readonly lines: string[];
  readonly requests: {
    readonly headers: IncomingMessage['headers'];
    readonly lines: readonly string[];
    readonly text: string;
  }[];
  /** How to answer the next requests; taking everything is the default. */
  behave: (lines: readonly string[], response: ServerResponse, request: IncomingMessage) => void | Promise<void>;
  /** Takes all lines, and answers as a Tailrace server does. */
  accept(lines: readonly string[], response: ServerResponse): void;
  close(): Promise<void>;
}

export async function startRecordingServer(): Promise<RecordingServer> {
  const http = createServer((request, response) => void handle(request, response));
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const address = http.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');

  const server: RecordingServer = {
    url: `http://127.0.0.1:${address.port}`,
    lines: [],
    requests: [],
    behave: (lines, response) => server.accept(lines, response),
    accept(lines, response) {
      server.lines.push(...lines);
      answer(response, 200, { accepted: lines.length, duplicates: 0, refused: [] });
    },
    close: () =>
      new Promise((resolve) => {
        http.close(() => resolve());
        http.closeAllConnections();
      }),
  };

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const raw = Buffer.concat(chunks);
    const body = request.headers['content-encoding'] === 'gzip' ? gunzipSync(raw) : raw;
    const text = body.toString();
    const lines = text.split('\n').slice(0, -1);
    server.requests.push({ headers: request.headers, lines, text });
    await server.behave(lines, response, request);
  }
  return server;
}

export function answer(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(typeof body === 'string' ? body : JSON.stringify(body));
}
