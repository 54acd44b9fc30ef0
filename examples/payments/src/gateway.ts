import { PaymentStatus } from './payment-status.ts';
import { between, type Random, weighted } from './random.ts';
import type { StepPlan } from './step-plan.ts';

const SLOW_SHARE = 0.05;
const FAILURE_SHARE = 0.05;
const ORDINARY_LATENCY = { fromMs: 80, toMs: 150 };

/** Of 100 failures of the gateway, so many are of each kind. */
const FAILURES = [
  [PaymentStatus.INSUFFICIENT_FUNDS, 40],
  [PaymentStatus.GATEWAY_TIMEOUT, 20],
  [PaymentStatus.CARD_EXPIRED, 15],
  [PaymentStatus.GATEWAY_REJECTED, 15],
  [PaymentStatus.FRAUD_DETECTION, 7],
  [PaymentStatus.ACCOUNT_LOCKED, 2],
  [PaymentStatus.MAINTENANCE_WINDOW, 1],
] as const;

/** Step 2: 5 % of the payments are slow at the gateway (a little over 2,001 ms), and 5 % fail there. */
export function planGatewayCall(random: Random): StepPlan {
  const share = random();
  let status: PaymentStatus | undefined;
  if (share < SLOW_SHARE) status = PaymentStatus.SLOW_GATEWAY_SUCCESS;
  else if (share < SLOW_SHARE + FAILURE_SHARE) status = weighted<PaymentStatus>(random, FAILURES);
  const { fromMs, toMs } = status?.latency ?? ORDINARY_LATENCY;
  return { service: 'payment-gateway', latencyMs: between(random, fromMs, toMs), status };
}
