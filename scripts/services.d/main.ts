import { endInstance, runningProcess, sharedInstance, startInstance } from './instance.ts';
import type { Service } from './service.ts';
import { FOR_TESTS, isServiceName, SERVICES } from './services.ts';
import { SERVICES_FOLDER } from './software.ts';
import { inTurn } from './turn.ts';

const INSTALLED_WITHIN_MS = 20 * 60_000;

const USAGE = `scripts/services VERB [NAME...]

  If none is named: install and start take what the tests need, the other verbs all.

  install   gets the software: what is missing, from package managers
  start     starts what doesn't run, on the data that is there, and waits until it is ready; installs it first
  stop      ends it in order
  kill      kill -9; start comes back with the data
  status    what runs where

  names     ${Object.keys(SERVICES).join(' ')}
  ports     SERVICES_<NAME>_PORT, for example SERVICES_REDIS_PORT
  folder    SERVICES_DIR (.services): software, data, logs
`;

const VERBS: Readonly<Record<string, (service: Service) => Promise<string>>> = {
  install: async (service) => {
    await install(service);
    return 'installed';
  },
  start: async (service) => {
    await install(service);
    await startInstance(sharedInstance(service));
    return describe(service);
  },
  stop: async (service) => {
    await endInstance(sharedInstance(service), 'SIGTERM');
    return 'stopped';
  },
  kill: async (service) => {
    await endInstance(sharedInstance(service), 'SIGKILL');
    return 'killed';
  },
  status: async (service) => describe(service),
};

async function install(service: Service): Promise<void> {
  if (service.isInstalled()) return;
  await inTurn(`install ${service.name} ${SERVICES_FOLDER}`, INSTALLED_WITHIN_MS, () => service.install());
}

function describe(service: Service): string {
  const instance = sharedInstance(service);
  const running = runningProcess(instance);
  if (running !== undefined) return `up    ${service.url(instance.port)}  pid ${running.pid}`;
  return service.isInstalled() ? 'down' : 'down, not installed';
}

const [verb = '', ...named] = process.argv.slice(2);
const unnamed = verb === 'install' || verb === 'start' ? FOR_TESTS : Object.keys(SERVICES);
const names = named.length > 0 ? named : unnamed;
const act = Object.hasOwn(VERBS, verb) ? VERBS[verb] : undefined;
if (act === undefined) {
  process.stderr.write(USAGE);
  process.exit(2);
}
for (const name of names) {
  if (isServiceName(name)) continue;
  process.stderr.write(`${name} is none of the services: ${Object.keys(SERVICES).join(', ')}\n`);
  process.exit(2);
}
await Promise.all(
  names.filter(isServiceName).map(async (name) => {
    const begun = Date.now();
    try {
      const outcome = await act(SERVICES[name]);
      const took = verb === 'status' ? '' : `  (${((Date.now() - begun) / 1000).toFixed(1)} s)`;
      process.stdout.write(`${name.padEnd(12)}${outcome}${took}\n`);
    } catch (error) {
      process.stderr.write(`${name.padEnd(12)}failed: ${error instanceof Error ? error.message : String(error)}\n`);
      process.exitCode = 1;
    }
  }),
);
