/**
 * `npm run demo`: a Tailrace server, the shop, and its customers, until Ctrl-C.
 *
 * Server and shop are processes of their own, so either can be killed to see that nothing is lost; the demo starts it
 * again. The traffic runs here.
 *
 * The environment says how they are arranged, as it does for any server and application: with `STORAGE_TYPE`, `MQ_TYPE` and
 * the like they meet at a broker or a database. With `STORAGE_TYPE=file` the shop writes a log file, and an agent, a third
 * process, brings its lines to the server.
 */
import { once } from 'node:events';
import { createServer } from 'node:net';
import { resolve } from 'node:path';
import { agentCommand, logFileOf, serverCommand, shopCommand } from './demo-commands.ts';
import { DEMO_USAGE, type DemoOptions, readDemoOptions } from './demo-options.ts';
import { DemoProcess } from './demo-process.ts';
import { createProgress, type Progress } from './demo-progress.ts';
import { openBrowser } from './open-browser.ts';
import { isAgentReading, isConnectable, isServerReady } from './readiness.ts';
import { readShopSettings } from './settings.ts';
import { sendTraffic } from './traffic.ts';

const HOST = '127.0.0.1';
const SERVER_PORT = 7300;

/** How long the last events may take to arrive before the demo ends without them, in milliseconds. */
const ARRIVAL_TIMEOUT_MS = 30_000;

async function runDemo(options: DemoOptions): Promise<void> {
  const shop = readShopSettings(process.env);
  const serverPort = readPort(process.env.TAILRACE_PORT);
  await requireFreePort(serverPort, 'TAILRACE_PORT');
  await requireFreePort(shop.port, 'PAYMENTS_PORT');

  const dataDir = resolve(process.env.TAILRACE_DATA_DIR ?? '.demo');
  const serverUrl = `http://${HOST}:${serverPort}`;
  const shopUrl = `http://${shop.host}:${shop.port}`;
  const stop = stopSignal();
  const progress = createProgress(serverUrl, process.stdout);
  const server = new DemoProcess({
    name: 'server',
    ...serverCommand(dataDir, HOST, serverPort),
    isReady: () => isServerReady(serverUrl),
    say: progress.say,
  });
  const logFile = logFileOf(process.env, dataDir);
  const shopProcess = new DemoProcess({
    name: 'shop',
    ...shopCommand(dataDir, serverUrl, logFile, { ...shop, seed: options.seed }),
    isReady: () => isConnectable(shop.host, shop.port),
    say: progress.say,
  });
  const agent = logFile === undefined ? undefined : startingAgent(dataDir, serverUrl, logFile, progress.say);
  try {
    await server.start();
    await agent?.start();
    await progress.start();
    await shopProcess.start();
    progress.say(`Screen   ${serverUrl}`);
    progress.say(`Shop     ${shopUrl}`);
    if (logFile !== undefined) progress.say(`Log      ${logFile}; an agent brings it to the server`);
    progress.say(`Data     ${dataDir}; server.pid and shop.pid in it are there to be killed: nothing will be missing.`);
    progress.say('Ctrl-C stops it all.');
    if (options.browser && process.stdout.isTTY) openBrowser(serverUrl);
    progress.show();
    await sendTraffic({ ...options, url: shopUrl, signal: stop, onRequest: progress.count });
    if (!stop.aborted) await settle(options, progress, stop);
  } finally {
    progress.end();
    // The shop first: while it ends, it hands its last events on.
    await shopProcess.stop();
    await agent?.stop();
    await server.stop();
  }
}

function startingAgent(dataDir: string, serverUrl: string, logFile: string, say: Progress['say']): DemoProcess {
  const command = agentCommand(dataDir, serverUrl, logFile);
  const agent: DemoProcess = new DemoProcess({
    name: 'agent',
    ...command,
    isReady: async () => isAgentReading(command.agentDir, agent.pid),
    say,
  });
  return agent;
}

/** After the last payment: waits until all has arrived, or goes on showing the screens until Ctrl-C. */
async function settle(options: DemoOptions, progress: Progress, stop: AbortSignal): Promise<void> {
  if (options.once) {
    if (!(await progress.arrived(ARRIVAL_TIMEOUT_MS, stop))) process.exitCode = 1;
    return;
  }
  progress.say('All payments are made. Ctrl-C stops the server and the shop.');
  if (!stop.aborted) await once(stop, 'abort');
}

/** Aborts at the first Ctrl-C, and ends the process at the third for whoever can't wait. */
function stopSignal(): AbortSignal {
  const controller = new AbortController();
  let times = 0;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      times += 1;
      if (times >= 3) process.exit(1);
      controller.abort();
    });
  }
  return controller.signal;
}

function readPort(text: string | undefined): number {
  if (text === undefined || text === '') return SERVER_PORT;
  const port = Number(text);
  if (Number.isInteger(port) && port >= 1 && port <= 65535) return port;
  throw new Error(`TAILRACE_PORT=${text}: must be a port from 1 to 65535`);
}

async function requireFreePort(port: number, variable: string): Promise<void> {
  const probe = createServer().listen(port, HOST);
  try {
    await once(probe, 'listening');
  } catch {
    throw new Error(`Port ${port} is taken. Set ${variable} to a free one.`);
  }
  probe.close();
  await once(probe, 'close');
}

try {
  const options = readDemoOptions(process.argv.slice(2), Date.now());
  if (options === undefined) console.log(DEMO_USAGE);
  else await runDemo(options);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
