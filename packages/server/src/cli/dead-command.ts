/** The words of `tailrace dead`: list, show, edit, replay, purge. */
import { Command } from 'commander';
import type { Client } from './client.ts';
import type { Output } from './commands.ts';
import {
  type ChoiceFlags,
  choiceOf,
  editDead,
  type FilterFlags,
  filterOf,
  listDead,
  purgeDead,
  replayDead,
  replayFromFolder,
  showDead,
  showList,
} from './dead.ts';
import type { CommonFlags } from './program.ts';

export interface DeadCommandParts {
  readonly asking: (command: Command) => Command;
  readonly clientOf: (flags: CommonFlags) => Client;
  readonly outputOf: (flags: CommonFlags) => Output;
  readonly ingestKey: () => string | undefined;
  readonly warn: (message: string) => void;
  readonly onExitCode: (code: number) => void;
}

const NOTHING_SET: readonly string[] = [];

type Flags = CommonFlags & FilterFlags & ChoiceFlags;

function filtering(command: Command): Command {
  return command
    .option('--cause <cause>', 'of this cause, as the list names it')
    .option('--reason <text>', 'with this in the reason')
    .option('--sink <name>', 'refused by this sink or part of the server')
    .option('--source <name>', 'from this source: http, queue, spool')
    .option('--route <name>', 'of this route of an application')
    .option('--service <name>', 'of this service')
    .option('--from <time>', 'that died then or later: RFC 3339, or relative such as -1h')
    .option('--to <time>', 'that died before')
    .option('--text <text>', 'with this in the event or the reason');
}

export function deadCommand({ asking, clientOf, outputOf, ingestKey, warn, onExitCode }: DeadCommandParts): Command {
  const dead = new Command('dead').description('dead letters: events that the server could not take');

  filtering(asking(dead.command('list', { isDefault: true })))
    .description('show them, newest first, and how many there are of each cause')
    .option('--limit <letters>', 'at most so many', '100')
    .option('--cursor <cursor>', 'the next page: the cursor of the one before')
    .option('--data-dir <folder>', "an application's data folder: its dead letters, in place of the server's")
    .action(async (flags: Flags & { limit: string; cursor?: string; dataDir?: string }) => {
      const { limit, cursor, dataDir, route = 'tailrace' } = flags;
      if (dataDir === undefined)
        return listDead(clientOf(flags), { ...filterOf(flags), limit, cursor }, outputOf(flags));
      // Only this needs the server's filters.
      const { listFolder } = await import('./dead-folder.ts');
      const page = { limit: Number(limit), cursor };
      showList(await listFolder({ dataDir, route }, filterOf(flags), page), outputOf(flags));
    });

  asking(dead.command('show'))
    .description('show one with its event')
    .argument('<id>')
    .action((id: string, flags: CommonFlags) => showDead(clientOf(flags), id, outputOf(flags)));

  asking(dead.command('edit'))
    .description('put another event in its place, which is checked as one that comes in')
    .argument('<id>')
    .option(
      '--set <field=value>',
      'change a field, as often as wanted: the value is JSON, or else text; an empty one takes the field out',
      (one: string, before: readonly string[]) => [...before, one],
      NOTHING_SET,
    )
    .option('--file <file>', 'take the whole event from a file; - is standard input')
    .action((id: string, flags: CommonFlags & { set: readonly string[]; file?: string }) =>
      editDead(clientOf(flags), id, { set: flags.set, file: flags.file }, outputOf(flags)),
    );

  filtering(asking(dead.command('replay')))
    .description("offer them to the server again: those with these ids, those that match, or all; or an application's")
    .argument('[ids...]')
    .option('--all', 'all of them')
    .option('--dry-run', 'only say what would be done')
    .option('--rate <lines>', 'so many lines a second (default TAILRACE_DEAD_REPLAY_RATE of the server)')
    .option('--data-dir <folder>', "an application's data folder: its dead letters are sent, in place of the server's")
    .action(async (ids: string[], flags: Flags & { dryRun?: boolean; rate?: string; dataDir?: string }) => {
      const { dataDir, route = 'tailrace', url } = flags;
      if (dataDir !== undefined) {
        const from = { dataDir, route, url, key: ingestKey(), hasIds: ids.length > 0 };
        onExitCode(await replayFromFolder(from, warn, outputOf(flags)));
        return;
      }
      const order = {
        ...choiceOf(ids, flags),
        ...(flags.dryRun === true && { dryRun: true }),
        ...(flags.rate !== undefined && { linesPerSecond: Number(flags.rate) }),
      };
      onExitCode(await replayDead(clientOf(flags), order, outputOf(flags)));
    });

  filtering(asking(dead.command('purge')))
    .description('remove them for good: those with these ids, those that match, or all')
    .argument('[ids...]')
    .option('--all', 'all of them')
    .option('--confirm <count>', 'how many will go; without it only the number is told')
    .action(async (ids: string[], flags: Flags & { confirm?: string }) => {
      const confirm = flags.confirm === undefined ? undefined : Number(flags.confirm);
      onExitCode(await purgeDead(clientOf(flags), choiceOf(ids, flags), confirm, outputOf(flags)));
    });

  return dead;
}
