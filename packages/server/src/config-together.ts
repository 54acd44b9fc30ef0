/** Faults that lie between settings: each is fine alone, and together they mean nothing, or something dangerous. */
import { isLoopback } from './access/hosts.ts';
import { arrangementOf } from './arrangement.ts';
import type { ConfigFault } from './config-fault.ts';
import type { ConfigValues } from './settings.ts';

/** @param values - those that were valid by themselves */
export function checkTogether(values: Partial<ConfigValues>, faults: ConfigFault[], notices: string[]): void {
  checkKeys(values, faults);
  const { maxLineBytes, maxBodyBytes } = values;
  if (maxLineBytes !== undefined && maxBodyBytes !== undefined && maxLineBytes > maxBodyBytes) {
    faults.push({
      name: 'TAILRACE_MAX_LINE_BYTES',
      value: String(maxLineBytes),
      message: `must not be above TAILRACE_MAX_BODY_BYTES (${maxBodyBytes})`,
    });
  }
  checkStorage(values, faults);
  checkBroker(values, faults, notices);
  checkDeadLetters(values, faults);
  checkRoles(values, faults, notices);
}

function checkKeys(values: Partial<ConfigValues>, faults: ConfigFault[]): void {
  if (values.host !== undefined && !isLoopback(values.host)) {
    const missing = [
      values.ingestKey === undefined ? 'TAILRACE_INGEST_KEY' : '',
      values.readKey === undefined ? 'TAILRACE_READ_KEY' : '',
    ].filter((name) => name !== '');
    if (missing.length > 0) {
      faults.push({
        name: 'TAILRACE_HOST',
        value: values.host,
        message: `is open to other machines, so keys are needed: set ${missing.join(' and ')} (or the _FILE variant)`,
      });
    }
  }
  if (values.ingestKey !== undefined && values.ingestKey === values.readKey) {
    faults.push({ name: 'TAILRACE_READ_KEY', message: 'must differ from TAILRACE_INGEST_KEY' });
  }
  if (values.adminKey !== undefined && [values.ingestKey, values.readKey].includes(values.adminKey)) {
    faults.push({ name: 'TAILRACE_ADMIN_KEY', message: 'must differ from the other keys' });
  }
}

function checkStorage({ storageType, mongodbUri, clickhouseUrl }: Partial<ConfigValues>, faults: ConfigFault[]): void {
  if (storageType === 'mongodb' && mongodbUri === undefined) {
    faults.push({ name: 'MONGODB_URI', message: 'is needed by STORAGE_TYPE=mongodb, and is not set' });
  }
  if (storageType === 'clickhouse' && clickhouseUrl === undefined) {
    faults.push({ name: 'CLICKHOUSE_URL', message: 'is needed by STORAGE_TYPE=clickhouse, and is not set' });
  }
}

function checkBroker(values: Partial<ConfigValues>, faults: ConfigFault[], notices: string[]): void {
  const { storageType, mqEnabled, mqType, mqBrokers = [], redisUrl, redisHost } = values;
  if (storageType === 'kafka' && mqType === 'redis') {
    faults.push({
      name: 'MQ_TYPE',
      value: 'redis',
      message: 'and STORAGE_TYPE=kafka name two queues: for Redis before the embedded store set STORAGE_TYPE=tailrace',
    });
    return;
  }
  if (mqEnabled === true && mqType === undefined && storageType !== 'kafka') {
    faults.push({ name: 'MQ_TYPE', message: 'is needed by MQ_ENABLED=true: kafka or redis' });
    return;
  }
  if (mqEnabled === false && mqType !== undefined && storageType !== 'kafka') {
    notices.push(`MQ_TYPE=${mqType} does nothing while MQ_ENABLED is not true`);
  }
  const { queue } = arrangementOf(values);
  if (queue === 'kafka' && mqBrokers.length === 0) {
    const wants = storageType === 'kafka' ? 'STORAGE_TYPE=kafka' : 'MQ_TYPE=kafka';
    faults.push({ name: 'MQ_BROKER_ADDRESS', message: `is needed by ${wants}, and is not set` });
  }
  if (queue === 'redis' && mqBrokers.length === 0 && redisUrl === undefined && redisHost === undefined) {
    faults.push({ name: 'REDIS_URL', message: 'or REDIS_HOST or MQ_BROKER_ADDRESS is needed by MQ_TYPE=redis' });
  }
  if (queue === 'redis' && mqBrokers.length > 1) {
    faults.push({ name: 'MQ_BROKER_ADDRESS', value: mqBrokers.join(','), message: 'must be one address for Redis' });
  }
}

function checkDeadLetters(values: Partial<ConfigValues>, faults: ConfigFault[]): void {
  const { deadLetters, mqBrokers = [], mongodbUri, redisUrl, redisHost } = values;
  const asks = `is needed by TAILRACE_DEAD_LETTERS=${deadLetters}, and is not set`;
  const { queue } = arrangementOf(values);
  if (deadLetters === 'mongodb' && mongodbUri === undefined) faults.push({ name: 'MONGODB_URI', message: asks });
  const isRedisNamed = redisUrl !== undefined || redisHost !== undefined || (queue === 'redis' && mqBrokers.length > 0);
  if (deadLetters === 'redis' && !isRedisNamed) {
    faults.push({ name: 'REDIS_URL', message: `or REDIS_HOST ${asks}` });
  }
  if (deadLetters === 'kafka' && (queue === 'redis' || mqBrokers.length === 0)) {
    const message = queue === 'redis' ? 'names a Redis, and TAILRACE_DEAD_LETTERS=kafka needs a Kafka there' : asks;
    faults.push({ name: 'MQ_BROKER_ADDRESS', message });
  }
}

function checkRoles(values: Partial<ConfigValues>, faults: ConfigFault[], notices: string[]): void {
  if (values.roles === undefined) return;
  const { roles, queue, isStoreShared } = arrangementOf(values);
  const fault = (message: string): void => {
    faults.push({ name: 'TAILRACE_ROLE', value: roles.join(','), message });
  };
  const has = new Set(roles);
  if (queue === 'spool' && has.has('ingest') !== has.has('write')) {
    fault('needs a broker between ingest and write: set MQ_ENABLED=true and MQ_TYPE');
  }
  if (!isStoreShared && has.has('query') && !has.has('write')) {
    fault(
      'needs a store that several processes share, since query is here and write is not: set STORAGE_TYPE to mongodb or clickhouse',
    );
  }
  if (!isStoreShared && has.has('write') && !has.has('query')) {
    notices.push(
      'TAILRACE_ROLE has write without query, and the embedded store can be asked by its own process only: nobody will see the events',
    );
  }
}
