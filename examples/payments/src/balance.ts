import { PaymentStatus } from './payment-status.ts';
import { between, type Random } from './random.ts';
import type { StepPlan } from './step-plan.ts';

const FAILURE_SHARE = 0.05;
const LATENCY = { fromMs: 10, toMs: 50 };

/** Step 1: the balance check takes 10 to 50 ms, and 5 % of the accounts don't cover the amount. */
export function planBalanceCheck(random: Random): StepPlan {
  const status = random() < FAILURE_SHARE ? PaymentStatus.INSUFFICIENT_BALANCE : undefined;
  const { fromMs, toMs } = LATENCY;
  return { service: 'balance-service', latencyMs: between(random, fromMs, toMs), status };
}
