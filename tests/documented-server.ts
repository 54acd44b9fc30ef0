/** The server that the documentation's examples ask: its time stands still, and it holds the events of docs/search.md. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { loadConfig } from '../packages/server/src/config.ts';
import { createServer } from '../packages/server/src/server.ts';
import { openDuckDbStore } from '../packages/server/src/store/duckdb/duckdb-store.ts';
import { ROOT, waitFor } from './processes.ts';
import { createServerClient } from './server-client.ts';

/** The moment at which all examples are asked. */
export const NOW = '2026-11-21T10:00:00.000Z';

export interface Block {
  /** Page and line. */
  readonly place: string;
  /** What stands behind the three back ticks. */
  readonly info: string;
  readonly text: string;
}

export interface Page {
  readonly name: string;
  readonly text: string;
  readonly blocks: readonly Block[];
}

export async function readPage(name: string): Promise<Page> {
  const text = await readFile(join(ROOT, name), 'utf8');
  const blocks: Block[] = [];
  for (const match of text.matchAll(/^```([^`\n]*)\n([\s\S]*?)^```$/gm)) {
    const line = text.slice(0, match.index).split('\n').length;
    blocks.push({ place: `${name}:${line}`, info: match[1] ?? '', text: (match[2] ?? '').trimEnd() });
  }
  return { name, text, blocks };
}

export interface DocumentedServer {
  readonly url: string;
  close(): Promise<void>;
}

/** Starts it over a folder, and posts the events of docs/search.md where they aren't there yet. */
export async function startDocumentedServer(dataDir: string): Promise<DocumentedServer> {
  const clock = (): number => Date.parse(NOW);
  const server = await createServer(loadConfig({}, { port: 0, dataDir }), {
    openStore: (config) => openDuckDbStore({ directory: join(config.dataDir, 'store'), clock }),
    log: () => {},
    now: clock,
  });
  const [events] = (await readPage('docs/search.md')).blocks.filter(({ info }) => info === 'ndjson');
  if (events === undefined) throw new Error('docs/search.md has no events');
  const response = await fetch(`${server.url}/v1/events`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-ndjson' },
    body: events.text,
  });
  if (!response.ok) throw new Error(`the events were refused: ${await response.text()}`);
  const client = createServerClient(server.url);
  const count = events.text.split('\n').length;
  await waitFor('the events', async () =>
    (await client.search('', '-15m', 'now')).length >= count ? true : undefined,
  );
  return server;
}
