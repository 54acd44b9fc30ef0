/** The `tailrace` command: its words, options, help and exit codes. */
import { readFileSync } from 'node:fs';
import { Command, Option } from 'commander';
import { agentCommand } from './agent.ts';
import { type Client, CommandError, createClient } from './client.ts';
import { explain, ledger, type Output, type QueryFlags, query, tail } from './commands.ts';
import { deadCommand } from './dead-command.ts';
import { doctor } from './doctor.ts';
import { showSpools } from './spool.ts';

const EXIT_CODES = `
Exit codes: 0 done, 1 failed, 2 wrong usage or configuration, 3 no server, 4 the ledger has a gap.
Keys come from TAILRACE_READ_KEY, TAILRACE_INGEST_KEY and TAILRACE_ADMIN_KEY, or the files that TAILRACE_READ_KEY_FILE,
TAILRACE_INGEST_KEY_FILE and TAILRACE_ADMIN_KEY_FILE name.`;

export interface CommonFlags {
  readonly url: string;
  readonly json?: boolean;
}

export interface ProgramStreams {
  write(text: string): void;
  writeError(text: string): void;
}

/** Runs one command line. @returns the exit code. */
export async function runProgram(args: readonly string[], streams: ProgramStreams): Promise<number> {
  let exitCode = 0;
  const program = new Command('tailrace')
    .description('Wide-event logging: the server, and questions to it.')
    .exitOverride()
    .configureOutput({ writeOut: streams.write, writeErr: streams.writeError })
    .addHelpText('after', EXIT_CODES);

  const asking = (command: Command): Command =>
    command
      .addOption(
        new Option('--url <url>', 'address of the server').env('TAILRACE_URL').default('http://127.0.0.1:7300'),
      )
      .option('--json', 'answer as JSON, for programs');
  const clientOf = (flags: CommonFlags): Client =>
    createClient({
      url: flags.url,
      readKey: keyFrom('TAILRACE_READ_KEY'),
      ingestKey: keyFrom('TAILRACE_INGEST_KEY'),
      adminKey: keyFrom('TAILRACE_ADMIN_KEY'),
    });
  const outputOf = (flags: CommonFlags): Output => ({
    json: flags.json === true,
    write: (text) => streams.write(`${text}\n`),
  });

  program
    .command('server')
    .description('run the server until it is interrupted')
    .option('--port <port>', 'port to listen on (TAILRACE_PORT)')
    .option('--host <host>', 'address to listen on (TAILRACE_HOST)')
    .option('--data-dir <folder>', 'where the data lives (TAILRACE_DATA_DIR)')
    .option('--role <roles>', 'what this process does: ingest, write, query, separated by commas (TAILRACE_ROLE)')
    .option('--config <file>', 'YAML file with settings (TAILRACE_CONFIG)')
    .action(async (flags: { port?: string; host?: string; dataDir?: string; role?: string; config?: string }) => {
      // Only this command needs the store's driver.
      const { runServer } = await import('../main.ts');
      const { config, role, ...overrides } = flags;
      exitCode = await runServer({ ...overrides, roles: role }, config ?? process.env.TAILRACE_CONFIG);
    });

  program.addCommand(
    agentCommand(streams, (code) => {
      exitCode = code;
    })
      .exitOverride()
      .configureOutput({ writeOut: streams.write, writeErr: streams.writeError }),
  );

  asking(program.command('query'))
    .description('search events, or run a plan')
    .argument('[search]', 'a search such as "service:payments status:>=500", or a file plan.json', '')
    .option('--from <time>', 'start: RFC 3339, or relative such as -1h (default -15m)')
    .option('--to <time>', 'end, not included (default now)')
    .option('--group-by <fields>', 'fields, separated by commas')
    .option('--agg <aggregates>', 'such as "count,p99(duration_ms)"')
    .option('--bucket <width>', 'groups by time too: 1m, 1h, auto')
    .option('--limit <rows>', 'at most so many rows (default 100)')
    .action((search: string, flags: QueryFlags & CommonFlags) =>
      query(clientOf(flags), search, flags, outputOf(flags)),
    );

  asking(program.command('tail'))
    .description('follow events as they arrive')
    .argument('[search]', 'only events that match', '')
    .option('-n, --count <events>', 'end after so many events')
    .action((search: string, flags: CommonFlags & { count?: string }) =>
      tail(clientOf(flags), search, flags.count === undefined ? undefined : Number(flags.count), outputOf(flags)),
    );

  asking(program.command('explain'))
    .description('show one event, why it was kept, and its neighbours')
    .argument('<event id>')
    .action((id: string, flags: CommonFlags) => explain(clientOf(flags), id, outputOf(flags)));

  asking(program.command('ledger'))
    .description('show the account of each producer; exit code 4 where events are missing')
    .action(async (flags: CommonFlags) => {
      exitCode = await ledger(clientOf(flags), outputOf(flags));
    });

  program.addCommand(
    deadCommand({
      asking,
      clientOf,
      outputOf,
      ingestKey: () => keyFrom('TAILRACE_INGEST_KEY'),
      warn: (message) => streams.writeError(`${message}\n`),
      onExitCode: (code) => {
        exitCode = code;
      },
    })
      .exitOverride()
      .configureOutput({ writeOut: streams.write, writeErr: streams.writeError }),
  );

  program
    .command('spool')
    .description("show the spools in a data folder: the server's queue and the producers'; needs no server")
    .addOption(new Option('--data-dir <folder>').env('TAILRACE_DATA_DIR').default('./tailrace-data'))
    .option('--json', 'answer as JSON, for programs')
    .action((flags: { dataDir: string; json?: boolean }) =>
      showSpools(flags.dataDir, { json: flags.json === true, write: (text) => streams.write(`${text}\n`) }),
    );

  asking(program.command('doctor'))
    .description('check configuration, disk, server and ledger')
    .action(async (flags: CommonFlags) => {
      exitCode = await doctor(clientOf(flags), outputOf(flags));
    });

  try {
    await program.parseAsync([...args], { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommandError) {
      streams.writeError(`${error.message}\n`);
      return error.exitCode;
    }
    // Commander has said what is wrong, or shown the help that was asked for.
    if (isCommanderError(error)) return error.exitCode === 0 ? 0 : 2;
    throw error;
  }
}

function isCommanderError(error: unknown): error is Error & { readonly exitCode: number } {
  return (
    error instanceof Error && 'exitCode' in error && 'code' in error && String(error.code).startsWith('commander.')
  );
}

function keyFrom(name: string): string | undefined {
  const file = process.env[`${name}_FILE`];
  if (file === undefined || file === '') return process.env[name];
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    throw new CommandError(
      `${name}_FILE=${file} can't be read: ${error instanceof Error ? error.message : String(error)}`,
      2,
    );
  }
}
