/**
 * What the server's pages say, held against a server: each search with what it finds, each plan and each command with its
 * answer, the settings, the metrics and the files.
 */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CONFIGURATION_PAGE, withSettings } from '../scripts/configuration-reference.ts';
import { type DocumentedServer, readPage, startDocumentedServer } from './documented-server.ts';
import { ROOT } from './processes.ts';

let folder: string;
let server: DocumentedServer;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tailrace-docs-server-'));
  server = await startDocumentedServer(join(folder, 'tailrace-data'));
});

afterAll(async () => {
  await server.close();
  await rm(folder, { recursive: true, force: true });
});

describe('docs/search.md', async () => {
  const { text } = await readPage('docs/search.md');
  const rows = tableRows(text);
  const found = rows.filter(([search, finds]) => search?.startsWith('`') && /^(?:none|\d[\d ]*)$/.test(finds ?? ''));
  const warned = rows.filter(([search, warning]) => search?.startsWith('`') && warning?.startsWith('No event'));
  const failed = rows.filter(([search, code]) => search?.startsWith('`') && /^`[A-Z_]+`$/.test(code ?? ''));

  it('has examples of each kind', () => {
    expect(found.length).toBeGreaterThan(50);
    expect(warned.length).toBeGreaterThan(1);
    expect(failed.length).toBeGreaterThan(10);
    expect(found.length + warned.length + failed.length).toBe(rows.filter(([first]) => first?.startsWith('`')).length);
  });

  it.each(found)('%s finds %s', async (search = '', finds = '') => {
    const { body } = await searchEvents(unquote(search));
    const ids = (body.events ?? []).map(({ event_id }) => Number(event_id.split('-')[1]));
    expect(ids.sort((a, b) => a - b)).toEqual(finds === 'none' ? [] : finds.split(' ').map(Number));
  });

  it.each(warned)('%s warns', async (search = '', warning = '') => {
    const { body } = await searchEvents(unquote(search));
    expect(body).toMatchObject({ events: [], meta: { warnings: [warning] } });
  });

  it.each(failed)('%s is answered with %s at %s', async (search = '', code = '', position = '', message = '') => {
    const { status, body } = await searchEvents(unquote(search));
    expect(status).toBe(400);
    expect(body.error).toMatchObject({ code: unquote(code), position: Number(position), message });
  });
});

describe('docs/configuration.md', () => {
  it('has the settings as they are; else run scripts/configuration-reference.ts', async () => {
    const page = await readFile(CONFIGURATION_PAGE, 'utf8');
    expect(page).toBe(withSettings(page));
  });

  it('names every variable that the library reads, and no other', async () => {
    const page = await readFile(CONFIGURATION_PAGE, 'utf8');
    const section = /<!-- library:[\s\S]*<!-- \/library -->/.exec(page)?.[0] ?? '';
    const named = tableRows(section).flatMap(([cell = '']) =>
      [...cell.matchAll(/`([A-Z_]+)`/g)].map(([, name]) => name),
    );
    expect(new Set(named)).toEqual(await variablesOf('packages/tailrace/src'));
  });
});

interface SearchBody {
  readonly events?: readonly { readonly event_id: string }[];
  readonly meta?: unknown;
  readonly error?: unknown;
}

async function searchEvents(q: string): Promise<{ readonly status: number; readonly body: SearchBody }> {
  const response = await fetch(`${server.url}/v1/events?${new URLSearchParams({ q })}`);
  return { status: response.status, body: (await response.json()) as SearchBody };
}

/** The rows of all tables, cell by cell; an escaped bar is a bar. */
function tableRows(text: string): string[][] {
  return text
    .split('\n')
    .filter((line) => line.startsWith('| ') && !line.startsWith('| ---'))
    .map((line) =>
      line
        .split(/(?<!\\)\|/)
        .slice(1, -1)
        .map((cell) => cell.trim().replaceAll('\\|', '|')),
    );
}

function unquote(cell: string): string {
  return cell.replace(/^`|`$/g, '');
}

/** The names that a package takes out of `env` or `process.env`. */
async function variablesOf(source: string): Promise<ReadonlySet<string>> {
  const names = new Set<string>();
  for (const entry of await readdir(join(ROOT, source), { recursive: true })) {
    if (!entry.endsWith('.ts') || entry.endsWith('.test.ts')) continue;
    const text = await readFile(join(ROOT, source, entry), 'utf8');
    for (const [, name] of text.matchAll(/\benv\.([A-Z][A-Z_]+)/g)) names.add(name ?? '');
    for (const [, list] of text.matchAll(/\{([A-Z_, ]+)\} = process\.env/g)) {
      for (const name of (list ?? '').split(',')) names.add(name.trim());
    }
  }
  return names;
}
