export { faultsOfRedaction } from './check-redaction.ts';
export { createRedactor, type KeyDecision, type Redactor } from './redactor.ts';
