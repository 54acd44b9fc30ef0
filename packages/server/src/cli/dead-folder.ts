/** `tailrace dead list --data-dir`: an application's dead letters, from its folder, without a server. */
import { join } from 'node:path';
import { type DeadLetter, readDeadLetters } from 'tailrace/dead-letters';
import { createFilter, letterFilter } from '../dead/filter.ts';
import { toJson } from '../dead/letter-json.ts';
import { listLetters } from '../dead/list.ts';
import { CommandError } from './client.ts';
import { deadFolder, type LetterFolder } from './dead.ts';

export interface FolderPage {
  readonly limit: number;
  readonly cursor?: string | undefined;
}

const PART_LETTERS = 200;

/** @returns the same as `GET /v1/dead` answers of letters. */
export async function listFolder(from: LetterFolder, filter: Readonly<Record<string, string>>, page: FolderPage) {
  deadFolder(from);
  const { route, ...rest } = filter;
  const parsed = letterFilter.safeParse(rest);
  if (!parsed.success) {
    const [fault] = parsed.error.issues;
    throw new CommandError(`--${fault?.path.join('.')} ${fault?.message}`, 2);
  }
  let count = 0;
  const scan = async function* () {
    for await (const part of inParts(readDeadLetters(join(from.dataDir, 'dead'), from.route))) {
      count += part.length;
      yield part;
    }
  };
  const { letters, cursor, matching, causes } = await listLetters(
    { scan },
    createFilter(parsed.data, Date.now()),
    page,
  );
  return { dead: letters.map(toJson), cursor: cursor ?? null, matching, causes, count };
}

async function* inParts(letters: AsyncIterable<DeadLetter>): AsyncGenerator<readonly DeadLetter[]> {
  let part: DeadLetter[] = [];
  for await (const letter of letters) {
    part.push(letter);
    if (part.length < PART_LETTERS) continue;
    yield part;
    part = [];
  }
  yield part;
}
