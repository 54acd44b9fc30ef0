/**
 * What the server's pages say, held against a server: each search with what it finds, each plan and each command with its
 * answer, the settings, the metrics and the files.
 */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CONFIGURATION_PAGE, withSettings } from '../scripts/configuration-reference.ts';
import { PLANS_PAGE, withPlanKeys } from '../scripts/plan-reference.ts';
import { createShell, type Shell } from './documented-commands.ts';
import { type DocumentedServer, readPage, startDocumentedServer } from './documented-server.ts';
import { ROOT } from './processes.ts';

describe.each(['docs/configuration.md', 'docs/search.md', 'docs/plans.md', 'docs/server.md', 'docs/dead-letters.md'])(
  'the commands and plans of %s',
  async (name) => {
    const page = await readPage(name);
    const examples = page.blocks.flatMap((block, i) => {
      const answer = page.blocks[i + 1];
      const isPlan = block.info === 'json plan';
      if (!isPlan && !/^sh(?: exit \d+)?$/.test(block.info)) return [];
      const isAnswer = answer !== undefined && (isPlan ? ['json answer'] : ['json', 'text']).includes(answer.info);
      return [{ ...block, isPlan, answer: isAnswer ? answer : undefined }];
    });
    const server = documentedServer();

    it.each(examples)('$place does what it says', async ({ isPlan, info, text, answer }) => {
      if (isPlan) {
        expectWritten(await post('/v1/query', text), answer?.text);
        return;
      }
      const { exitCode, stdout, stderr } = await server.shell.run(text);
      expect(exitCode, stderr).toBe(Number(/exit (\d+)/.exec(info)?.[1] ?? 0));
      if (answer?.info === 'json') expectWritten(JSON.parse(stdout), answer.text);
      if (answer?.info === 'text') expect(`${stdout}${stderr}`.trimEnd()).toBe(answer.text);
    });

    async function post(path: string, body: string): Promise<unknown> {
      const headers = { 'content-type': 'application/json' };
      return (await fetch(`${server.url}${path}`, { method: 'POST', headers, body })).json();
    }
  },
);

describe('the searches of docs/search.md', async () => {
  const server = documentedServer();
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

  async function searchEvents(q: string): Promise<{ readonly status: number; readonly body: SearchBody }> {
    const response = await fetch(`${server.url}/v1/events?${new URLSearchParams({ q })}`);
    return { status: response.status, body: (await response.json()) as SearchBody };
  }
});

it('docs/plans.md has the keys as they are; else run scripts/plan-reference.ts', async () => {
  const page = await readFile(PLANS_PAGE, 'utf8');
  expect(page).toBe(withPlanKeys(page));
});

describe('docs/server.md', () => {
  const server = documentedServer();

  it('has the metrics that the server has, with their meaning', async () => {
    const { text } = await readPage('docs/server.md');
    const written = tableRows(text).flatMap(([name = '', help]) =>
      name.startsWith('`tailrace_') ? [`${unquote(name)} ${help}`] : [],
    );
    const metrics = await (await fetch(`${server.url}/metrics`)).text();
    const given = [...metrics.matchAll(/^# HELP (tailrace_.*)$/gm)].map(([, line]) => line);
    expect(written.sort()).toEqual(given.sort());
  });

  it('has every path of the API', async () => {
    const { text } = await readPage('docs/server.md');
    const { paths } = (await (await fetch(`${server.url}/v1/openapi.json`)).json()) as { paths: object };
    for (const path of Object.keys(paths)) expect(text).toContain(path.replace('{id}', ':id'));
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

/** A server of their own for the tests of one page, which may change what it holds. */
function documentedServer(): { readonly url: string; readonly shell: Shell; readonly dataDir: string } {
  let folder = '';
  let server: DocumentedServer | undefined;
  let shell: Shell | undefined;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tailrace-docs-server-'));
    server = await startDocumentedServer(join(folder, 'tailrace-data'));
    shell = await createShell({ directory: folder, url: server.url });
  });
  afterAll(async () => {
    await server?.close();
    await rm(folder, { recursive: true, force: true });
  });
  return {
    get url() {
      return started(server).url;
    },
    get shell() {
      return started(shell);
    },
    get dataDir() {
      return join(folder, 'tailrace-data');
    },
  };
}

function started<T>(part: T | undefined): T {
  if (part === undefined) throw new Error('the server is not started yet');
  return part;
}

/** All that the page shows of an answer is in it; numbers are rounded as they are on the page, and `"…"` ends a list. */
function expectWritten(actual: unknown, written: string | undefined): void {
  const expected: unknown = JSON.parse(written ?? '{}');
  expect(roundedLike(actual, expected)).toMatchObject(expected as object);
}

function roundedLike(actual: unknown, expected: unknown): unknown {
  if (typeof actual === 'number' && typeof expected === 'number') {
    const decimals = String(expected).split('.')[1]?.length ?? 0;
    return Number(actual.toFixed(decimals));
  }
  if (Array.isArray(actual) && Array.isArray(expected)) {
    const shown = expected.at(-1) === '…' ? [...actual.slice(0, expected.length - 1), '…'] : actual;
    return shown.map((item, i) => roundedLike(item, expected[i]));
  }
  if (!isRecord(actual) || !isRecord(expected)) return actual;
  return Object.fromEntries(Object.entries(actual).map(([key, value]) => [key, roundedLike(value, expected[key])]));
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
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
    // As `Variables` reads them; a secret may stand in a file.
    for (const [, as, name] of text.matchAll(/\.(text|word|flag|wholeNumber|secret|secretUrl)\(\s*'([A-Z][A-Z_]+)'/g)) {
      names.add(name ?? '');
      if (as?.startsWith('secret')) names.add(`${name}_FILE`);
    }
    for (const [, list] of text.matchAll(/\{([A-Z_, ]+)\} = process\.env/g)) {
      for (const name of (list ?? '').split(',')) names.add(name.trim());
    }
  }
  return names;
}
