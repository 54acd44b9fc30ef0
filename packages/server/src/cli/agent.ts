/** `tailrace agent`: log files and left spools to a server, a queue, a database or a file. */
import { Command, Option } from 'commander';
import { TailraceConfigError } from 'tailrace/configuration';
import { type AgentFlags, loadAgentConfig } from '../agent/agent-config.ts';
import type { ProgramStreams } from './program.ts';

interface RunFlags extends AgentFlags {
  readonly config?: string;
  readonly once?: boolean;
  readonly timeout: string;
  readonly check?: boolean;
}

/** The command with its options; `setExitCode` is told how it went. */
export function agentCommand(streams: ProgramStreams, setExitCode: (code: number) => void): Command {
  return new Command('agent')
    .description('read log files and spools that processes left, and deliver them; runs until it is interrupted')
    .option('--file <globs...>', 'log files to follow, such as "/var/log/app/*.log"')
    .option('--exclude <globs...>', 'files to leave out')
    .option('--format <format>', 'auto, json, logfmt, common, combined or text (default auto)')
    .option('--service <name>', "the events' service (default: the file's name)")
    .option('--spools <folders...>', "applications' data folders: the spools of dead processes are delivered")
    .option('--to <target>', 'http://host:port of a server, file:/path or console (default: by the environment)')
    .addOption(new Option('--config <file>', 'YAML file with inputs and settings').env('TAILRACE_AGENT_CONFIG'))
    .option('--data-dir <folder>', 'where positions and the spool live (TAILRACE_AGENT_DATA_DIR)')
    .option('--poll-ms <ms>', 'how often files are looked at (default 250)')
    .option('--metrics-port <port>', 'serve /metrics and /healthz')
    .option('--once', 'read to the end, deliver, and stop')
    .option('--timeout <seconds>', 'with --once: how long delivery may take', '60')
    .option('--check', 'check the configuration, and stop')
    .action(async (flags: RunFlags) => setExitCode(await runAgent(flags, streams)));
}

async function runAgent(flags: RunFlags, streams: ProgramStreams): Promise<number> {
  const say = (level: string, message: string) =>
    streams.writeError(`${JSON.stringify({ time: new Date().toISOString(), level, message })}\n`);
  try {
    const config = loadAgentConfig(flags, flags.config, process.env, process.cwd());
    if (flags.check === true) {
      streams.write(
        `valid: ${config.inputs.length} inputs, ${config.spools.length} data folders, routes ${config.routes.map(({ name }) => name).join(', ')}\n`,
      );
      return 0;
    }
    // Only a run needs the delivery and what it brings along.
    const { startAgent } = await import('../agent/agent.ts');
    const stop = new AbortController();
    const end = (): void => stop.abort();
    process.once('SIGTERM', end);
    process.once('SIGINT', end);
    const once = flags.once === true;
    const agent = await startAgent({ config, once, flushMs: secondsOf(flags.timeout) * 1000, say });
    say(
      'info',
      `tailrace agent reads ${config.inputs.flatMap(({ include }) => include).join(', ') || 'no files'} and keeps its places in ${config.dataDir}`,
    );
    if (agent.metricsUrl !== undefined) say('info', `metrics at ${agent.metricsUrl}/metrics`);
    const isDelivered = await agent.run(stop.signal);
    const { counts } = await agent.status().catch(() => ({ counts: undefined }));
    if (counts !== undefined) say('info', `read ${counts.entries} entries, wrote ${counts.events} events`);
    if (!isDelivered)
      say('warn', `not everything is delivered: the rest is in ${config.dataDir}, and goes with the next run`);
    return isDelivered || !once ? 0 : 1;
  } catch (error) {
    streams.writeError(`${error instanceof Error ? error.message : String(error)}\n`);
    return error instanceof TailraceConfigError ? 2 : 1;
  }
}

function secondsOf(text: string): number {
  const seconds = Number(text);
  if (Number.isFinite(seconds) && seconds > 0) return seconds;
  throw new TailraceConfigError([`--timeout is ${JSON.stringify(text)}; accepted: seconds above 0`]);
}
