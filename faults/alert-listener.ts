/** A webhook that takes alerts, and when they came. */
import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../tests/processes.ts';

export async function listenForAlerts() {
  const texts: { readonly at: number; readonly text: string }[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (part: Buffer) => {
      body += part.toString();
    });
    request.on('end', () => {
      texts.push({ at: performance.now(), text: JSON.parse(body).text });
      response.end('ok');
    });
  });
  const port = await freePort();
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${port}/`,
    texts,
    /** Waits until so many alerts like this have come. */
    async waitFor(pattern: RegExp, times: number, timeoutMs: number): Promise<void> {
      for (const end = performance.now() + timeoutMs; performance.now() < end; await sleep(200)) {
        if (texts.filter(({ text }) => pattern.test(text)).length >= times) return;
      }
      throw new Error(`no ${times} alerts like ${pattern} within ${timeoutMs} ms`);
    },
    close: () => void server.close(),
  };
}
