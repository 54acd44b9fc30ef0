/** What each word of `tailrace dead` does. */
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { replayDeadLetters } from 'tailrace/dead-letters';
import { type Client, CommandError, isRecord } from './client.ts';
import { notUnderstood, type Output } from './commands.ts';
import { cellText, formatTable } from './table.ts';

export interface FilterFlags {
  readonly cause?: string;
  readonly reason?: string;
  readonly sink?: string;
  readonly source?: string;
  readonly route?: string;
  readonly service?: string;
  readonly from?: string;
  readonly to?: string;
  readonly text?: string;
}

export interface ChoiceFlags {
  readonly all?: boolean;
}

type Filter = Readonly<Record<string, string>>;

const FILTERS = ['cause', 'reason', 'sink', 'source', 'route', 'service', 'from', 'to', 'text'] as const;

export function filterOf(flags: FilterFlags): Filter {
  return Object.fromEntries(
    FILTERS.flatMap((name) => {
      const value = flags[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
}

/** What an order is about: ids, a filter, or all where that is said. */
export function choiceOf(ids: readonly string[], flags: FilterFlags & ChoiceFlags): Readonly<Record<string, unknown>> {
  const filter = filterOf(flags);
  const isFiltered = Object.keys(filter).length > 0;
  if ([ids.length > 0, isFiltered, flags.all === true].filter(Boolean).length !== 1) {
    throw new CommandError('say which dead letters: ids, a filter such as --service shop, or --all', 2);
  }
  if (ids.length > 0) return { ids };
  return isFiltered ? { filter } : { all: true };
}

export async function listDead(
  client: Client,
  parameters: Readonly<Record<string, string | undefined>>,
  output: Output,
): Promise<void> {
  showList(await client.get('/v1/dead', parameters), output);
}

export function showList(answer: unknown, output: Output): void {
  if (output.json) output.write(JSON.stringify(answer, null, 2));
  else output.write(shownList(answer));
}

function shownList(answer: unknown): string {
  if (!isRecord(answer) || !Array.isArray(answer.dead) || !Array.isArray(answer.causes)) throw notUnderstood();
  if (answer.dead.length === 0) return answer.count === 0 ? 'there are no dead letters' : 'no dead letter matches';
  const letters = answer.dead.filter(isRecord);
  const next = typeof answer.cursor === 'string' ? `; the next page: --cursor '${answer.cursor}'` : '';
  return [
    formatTable(['count', 'cause', 'lastAt'], answer.causes.filter(isRecord)),
    formatTable(['id', 'at', 'sink', 'service', 'rounds', 'reason', 'line'], letters),
    `${letters.length} of ${String(answer.matching)}, of ${String(answer.count)} in all${next}`,
  ].join('\n\n');
}

export async function showDead(client: Client, id: string, output: Output): Promise<void> {
  const letter = await getLetter(client, id);
  if (output.json) return output.write(JSON.stringify(letter, null, 2));
  const { line, bytes, ...facts } = letter;
  output.write(
    Object.entries(facts)
      .map(([name, value]) => `${name.padEnd(12)} ${cellText(value)}`)
      .join('\n'),
  );
  output.write(`\n${typeof line === 'string' ? shownLine(line) : `bytes in base 64: ${String(bytes)}`}`);
}

export interface EditFlags {
  readonly set: readonly string[];
  readonly file: string | undefined;
}

export async function editDead(client: Client, id: string, { set, file }: EditFlags, output: Output): Promise<void> {
  if ((file === undefined) === (set.length === 0)) {
    throw new CommandError('say what to change: --set field=value, or --file with the whole event', 2);
  }
  const event = file === undefined ? withFields(await eventOf(client, id), set) : readEvent(file);
  const answer = await client.put(`/v1/dead/${encodeURIComponent(id)}`, { event }, 'admin');
  if (output.json) return output.write(JSON.stringify(answer, null, 2));
  output.write(`${id} is changed; send it with: tailrace dead replay ${id}`);
}

/** @returns the exit code: 0 where all that was offered was taken, else 1. */
export async function replayDead(
  client: Client,
  order: Readonly<Record<string, unknown>>,
  output: Output,
): Promise<number> {
  const answer = await client.post('/v1/dead/replay', order, 'admin');
  if (!isRecord(answer) || !isRecord(answer.skipped)) throw notUnderstood();
  const isDry = answer.dryRun === true;
  const isDone = isDry || (answer.refused === 0 && answer.stopped === null);
  if (output.json) output.write(JSON.stringify(answer, null, 2));
  else {
    const { truncated, rounds } = answer.skipped;
    const notes = [
      isDry
        ? `${String(answer.wouldPass)} would be taken, ${String(answer.wouldBeRefused)} refused again`
        : `${String(answer.replayed)} replayed, ${String(answer.refused)} refused again`,
      ...(truncated === 0 ? [] : [`${String(truncated)} left alone: only their start was kept`]),
      ...(rounds === 0 ? [] : [`${String(rounds)} left alone: they came back too often; edit them first`]),
      ...(typeof answer.stopped === 'string' ? [`${String(answer.left)} not reached: ${answer.stopped}`] : []),
    ];
    output.write(notes.join('\n'));
  }
  return isDone ? 0 : 1;
}

/** @returns the exit code: 0 where they are gone, 1 where the number still has to be confirmed. */
export async function purgeDead(
  client: Client,
  choice: Readonly<Record<string, unknown>>,
  confirm: number | undefined,
  output: Output,
): Promise<number> {
  const answer = await client.post('/v1/dead/purge', { ...choice, ...(confirm !== undefined && { confirm }) }, 'admin');
  if (!isRecord(answer)) throw notUnderstood();
  output.write(output.json ? JSON.stringify(answer, null, 2) : `${String(answer.purged)} purged`);
  return 0;
}

async function getLetter(client: Client, id: string): Promise<Readonly<Record<string, unknown>>> {
  const answer = await client.get(`/v1/dead/${encodeURIComponent(id)}`);
  if (!isRecord(answer) || !isRecord(answer.letter)) throw notUnderstood();
  return answer.letter;
}

async function eventOf(client: Client, id: string): Promise<Readonly<Record<string, unknown>>> {
  const { line } = await getLetter(client, id);
  const event = parse(String(line));
  if (isRecord(event)) return event;
  throw new CommandError(`the line of ${id} is no JSON object: give the whole event with --file`);
}

function readEvent(file: string): unknown {
  let text: string;
  try {
    text = readFileSync(file === '-' ? 0 : file, 'utf8');
  } catch (error) {
    throw new CommandError(`${file} can't be read: ${error instanceof Error ? error.message : String(error)}`, 2);
  }
  const event = parse(text);
  if (!isRecord(event)) throw new CommandError(`${file} must hold one JSON object`, 2);
  return event;
}

function withFields(event: Readonly<Record<string, unknown>>, set: readonly string[]): Record<string, unknown> {
  const changes = set.map((one) => {
    const at = one.indexOf('=');
    if (at < 1) throw new CommandError(`--set ${one}: write field=value`, 2);
    const text = one.slice(at + 1);
    return [one.slice(0, at), text === '' ? undefined : (parse(text) ?? text)] as const;
  });
  return { ...event, ...Object.fromEntries(changes) };
}

function shownLine(line: string): string {
  const event = parse(line);
  return isRecord(event) ? JSON.stringify(event, null, 2) : cellText(line);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export interface LetterFolder {
  readonly dataDir: string;
  readonly route: string;
}

/** @throws CommandError where there is no such folder. */
export function deadFolder({ dataDir, route }: LetterFolder): string {
  const folder = join(dataDir, 'dead', route);
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() === true) return folder;
  throw new CommandError(`there is no folder ${folder}: give the application's data folder, and its --route`, 2);
}

export interface FolderReplay {
  readonly dataDir: string;
  readonly route: string;
  readonly url: string;
  readonly key: string | undefined;
  readonly hasIds: boolean;
}

/**
 * An application's dead letters, from its folder, without the application.
 *
 * @returns the exit code: 0 where all were sent, 1 where some are left.
 */
export async function replayFromFolder(
  from: FolderReplay,
  warn: (message: string) => void,
  output: Output,
): Promise<number> {
  const { dataDir, route, url, key, hasIds } = from;
  if (hasIds) throw new CommandError('ids name dead letters of the server: give either ids or --data-dir', 2);
  deadFolder({ dataDir, route });
  const result = await replayDeadLetters({ dataDir, route, url, ...(key !== undefined && { key }), onProblem: warn });
  const rest = result.isComplete ? '' : '; the time was over first, the rest are still dead letters';
  output.write(
    output.json
      ? JSON.stringify(result, null, 2)
      : `${result.replayed} sent, of them ${result.deadAgain} refused again${rest}`,
  );
  return result.isComplete ? 0 : 1;
}
