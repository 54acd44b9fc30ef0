import { PaymentStatus } from './payment-status.ts';
import { between, type Random, weighted } from './random.ts';
import type { StepPlan } from './step-plan.ts';

/** Of 1,000 paid orders, so many end in each way: 10 are slow, 5 can't be confirmed, 2 meet an error. */
const OUTCOMES = [
  [undefined, 983],
  [PaymentStatus.SLOW_ORDER_SUCCESS, 10],
  [PaymentStatus.ORDER_CONFIRMATION_FAILED, 5],
  [PaymentStatus.ORDER_ERROR, 2],
] as const;

/** Step 3: the order is confirmed. */
export function planOrderConfirmation(random: Random): StepPlan {
  const status = weighted<PaymentStatus | undefined>(random, OUTCOMES);
  const { fromMs, toMs } = (status ?? PaymentStatus.SUCCESS).latency;
  return { service: 'order-service', latencyMs: between(random, fromMs, toMs), status };
}
