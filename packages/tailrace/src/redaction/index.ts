export { createRedactor, type KeyDecision, type Redactor } from './redactor.ts';
