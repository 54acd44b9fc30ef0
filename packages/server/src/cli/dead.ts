/** `tailrace dead replay --data-dir`: an application's dead letters, from its folder, without the application. */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { replayDeadLetters } from 'tailrace/dead-letters';
import { CommandError } from './client.ts';
import type { Output } from './commands.ts';

export interface FolderReplay {
  readonly dataDir: string;
  readonly route: string;
  readonly url: string;
  readonly key: string | undefined;
  readonly hasIds: boolean;
}

/** @returns the exit code: 0 where all were sent, 1 where some are left. */
export async function replayFromFolder(
  from: FolderReplay,
  warn: (message: string) => void,
  output: Output,
): Promise<number> {
  const { dataDir, route, url, key, hasIds } = from;
  if (hasIds) throw new CommandError('ids name dead letters of the server: give either ids or --data-dir', 2);
  const folder = join(dataDir, 'dead', route);
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true) {
    throw new CommandError(`there is no folder ${folder}: give the application's data folder, and its --route`, 2);
  }
  const result = await replayDeadLetters({ dataDir, route, url, ...(key !== undefined && { key }), onProblem: warn });
  const rest = result.isComplete ? '' : '; the time was over first, the rest are still dead letters';
  output.write(
    output.json
      ? JSON.stringify(result, null, 2)
      : `${result.replayed} sent, of them ${result.deadAgain} refused again${rest}`,
  );
  return result.isComplete ? 0 : 1;
}
