/** Names in the environment: those that nobody knows are told, with the one that was probably meant. */
import type { ConfigFault } from './config-fault.ts';
import { nearestName } from './config-spelling.ts';
import { SETTINGS } from './settings.ts';

/** Names that belong to the library, the command line or other programs and may stand in the same environment. */
const FOREIGN_NAMES = ['TAILRACE_URL', 'TAILRACE_URL_FILE', 'TAILRACE_CONFIG', 'TAILRACE_SERVICE'];
/** Kubernetes puts these into every pod next to a service that is called `tailrace`. */
const KUBERNETES_NAME = /^TAILRACE_(?:SERVICE_(?:HOST|PORT)|PORT_\d)/;
/** Prefixes that are shared with other programs: a name of theirs is no fault, only one that is nearly ours is told. */
const SHARED_PREFIX = /^(?:MQ|STORAGE|MONGODB|CLICKHOUSE|REDIS|KAFKA|MONGO)_/i;
/** What people write, too far from the right name to be found by distance. */
const OFTEN_WRITTEN: ReadonlyMap<string, string> = new Map([
  ['MONGO_URL', 'MONGODB_URI'],
  ['MONGO_URI', 'MONGODB_URI'],
  ['MONGODB_URL', 'MONGODB_URI'],
  ['CLICKHOUSE_URI', 'CLICKHOUSE_URL'],
  ['REDIS_URI', 'REDIS_URL'],
  ['KAFKA_BROKERS', 'MQ_BROKER_ADDRESS'],
  ['MQ_BROKERS', 'MQ_BROKER_ADDRESS'],
  ['MQ_TOPIC', 'MQ_LOG_TOPIC'],
  ['MQ_GROUP', 'MQ_CONSUMER_GROUP'],
]);

export function knownNames(): ReadonlySet<string> {
  const known = new Set(FOREIGN_NAMES);
  for (const { env, aliases, secret } of SETTINGS) {
    for (const name of [env, ...aliases]) {
      known.add(name);
      if (secret) known.add(`${name}_FILE`);
    }
  }
  return known;
}

export function checkNames(
  environment: Readonly<Record<string, string | undefined>>,
  faults: ConfigFault[],
  notices: string[],
): void {
  const known = knownNames();
  for (const name of Object.keys(environment)) {
    if (known.has(name) || KUBERNETES_NAME.test(name)) continue;
    if (/^TAILRACE_/i.test(name)) {
      const nearest = nearestName(name.toUpperCase(), [...known]);
      if (nearest === undefined) notices.push(`${name} is set, and is no setting of the server: it does nothing here`);
      else faults.push({ name, message: `is no setting; did you mean ${nearest}?` });
    } else if (SHARED_PREFIX.test(name)) {
      const nearest = OFTEN_WRITTEN.get(name.toUpperCase()) ?? nearestName(name.toUpperCase(), [...known], 2);
      if (nearest !== undefined && environment[nearest] === undefined) {
        notices.push(`${name} is set, and does nothing here; did you mean ${nearest}?`);
      }
    }
  }
}
