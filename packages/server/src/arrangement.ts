/** What the settings come to: which queue, which store, and what this process does with them. */
import type { ConfigValues, Role } from './settings.ts';

export type QueueKind = 'spool' | 'kafka' | 'redis';
export type StoreKind = 'duckdb' | 'mongodb' | 'clickhouse';

export interface Arrangement {
  readonly roles: readonly Role[];
  readonly queue: QueueKind;
  readonly store: StoreKind;
  /** True where several processes may use the store at once. */
  readonly isStoreShared: boolean;
}

type Chosen = Partial<Pick<ConfigValues, 'roles' | 'storageType' | 'mqEnabled' | 'mqType'>>;

export function arrangementOf({ roles = [], storageType, mqEnabled = false, mqType }: Chosen): Arrangement {
  const isKafkaAsQueue = storageType === 'kafka';
  const queue = isKafkaAsQueue ? 'kafka' : mqEnabled ? (mqType ?? 'kafka') : 'spool';
  const store = storageType === 'mongodb' || storageType === 'clickhouse' ? storageType : 'duckdb';
  return { roles, queue, store, isStoreShared: store !== 'duckdb' };
}
