/** Requests to a peer over connections that stay open. */
import { Agent, request } from 'node:http';

export interface HttpPeer {
  /** @throws Error for an answer that isn't 2xx, with what it says. */
  send(method: string, path: string, body?: Buffer | string, type?: string): Promise<string>;
  json(method: string, path: string, body?: unknown): Promise<unknown>;
  close(): void;
}

export function connectHttp(url: string, connections: number): HttpPeer {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });

  function send(method: string, path: string, body: Buffer | string = '', type = 'application/json'): Promise<string> {
    return new Promise((resolve, reject) => {
      const headers = { 'content-type': type, 'content-length': Buffer.byteLength(body) };
      const sent = request(url + path, { agent, method, headers }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString('utf8');
          const status = response.statusCode ?? 0;
          if (status >= 200 && status < 300) resolve(text);
          else reject(new Error(`${method} ${url}${path.slice(0, 200)}: ${status} ${text.slice(0, 500)}`));
        });
      });
      sent.on('error', reject);
      sent.end(body);
    });
  }

  return {
    send,
    json: async (method, path, body) => {
      const text = await send(method, path, body === undefined ? '' : JSON.stringify(body));
      const value: unknown = JSON.parse(text);
      return value;
    },
    close: () => agent.destroy(),
  };
}
