/** The server as a library: start one in a process of your own. */
export { ConfigError, type ConfigFault, loadConfig, type ServerConfig } from './config.ts';
export type { Answer, AnswerMeta, Column, Estimate, Measure } from './query/answer.ts';
export { type Plan, type PlanInput, planSchema } from './query/plan.ts';
export { QueryError } from './query/query-error.ts';
export { createServer, type Log, type RunningServer, type ServerParts } from './server.ts';
export type { LedgerReport, LedgerTotals, ProducerReport } from './writer/ledger-report.ts';
