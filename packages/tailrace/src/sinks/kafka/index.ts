export type { KafkaOptions, KafkaSaslOptions, KafkaTlsOptions } from './options.ts';
